"""ZeroMQ sockets in the event loop, and the TCP connections beneath them."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import zmq

from wsi_swarm.swarm.network.connections import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

Socket = zmq.Socket[bytes]
Context = zmq.Context[Socket]

TURN = 16
"""Frames that are read from one socket before another one has its turn."""
_BYTES_RECEIVED = 128  # offset of tcpi_bytes_received in Linux's struct tcp_info


class Wire:
    """A socket that hands over what comes, in turns, and never waits.

    Parameters
    ----------
    socket
        It belongs to the wire from now on.
    take
        Takes the parts of each message that comes. It may close the wire.
    freed
        Called when the socket reports a change: what was not sent before may find room now.
    """

    def __init__(
        self, socket: Socket, take: Callable[[list[zmq.Frame]], None], freed: Callable[[], None] | None = None
    ) -> None:
        self._socket, self._take, self._freed = socket, take, freed
        self._loop = asyncio.get_running_loop()
        self._fd: int = socket.getsockopt(zmq.FD)  # pyright: ignore[reportAttributeAccessIssue]
        self._due = False
        self._loop.add_reader(self._fd, self._wake)
        self._read_soon()

    def send(self, *parts: bytes) -> bool:
        """Hand a message over; return False, and drop it, if nobody is there or the queue is full."""
        if self._socket.closed:
            return False
        try:
            self._socket.send_multipart(parts, zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                return False
            raise
        finally:
            self._read_soon()  # the file descriptor tells of each change once, and sending may have eaten that
        return True

    def close(self, linger_ms: int = 0) -> None:
        """Close the socket; what is still to be sent may take ``linger_ms``."""
        if not self._socket.closed:
            self._loop.remove_reader(self._fd)
            self._socket.close(linger=linger_ms)

    def _read_soon(self) -> None:
        if not self._due:
            self._due = True
            self._loop.call_soon(self._read)

    def _wake(self) -> None:
        if self._freed is not None:
            self._freed()
        self._read()

    def _read(self) -> None:
        self._due = False
        for _ in range(TURN):
            if self._socket.closed:
                return
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._take(parts)
        self._read_soon()


def connections(port: int | None, others: Collection[int]) -> dict[int, Seen]:
    """Find this process's TCP connections that were made to ``port``, and ``others`` if they are still there.

    ZeroMQ would report these too, but a socket that is closed while it reports can keep its context from ending.
    """
    found: dict[int, Seen] = {}
    for entry in Path("/dev/fd").iterdir():
        number = int(entry.name)
        with suppress(OSError):
            status = os.fstat(number)
            if not stat.S_ISSOCK(status.st_mode):
                continue
            with socket.socket(fileno=os.dup(number)) as one:
                if number in others or (one.family != socket.AF_UNIX and one.getsockname()[1] == port):
                    one.getpeername()  # fails for the socket that listens
                    found[number] = Seen(status.st_ino, _received(one))
    return found


def _received(connection: socket.socket) -> int:
    """Return how many bytes a TCP connection has received, or 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_RECEIVED + 8)
    return struct.unpack_from("=Q", info, _BYTES_RECEIVED)[0] if len(info) >= _BYTES_RECEIVED + 8 else 0


def shut(number: int, port: int | None) -> None:
    """End a TCP connection under ZeroMQ's feet; it notices at once.

    ZeroMQ may have closed it in between and the number may be another's now: with ``port``, only a connection
    that was accepted there is touched.
    """
    with suppress(OSError), socket.socket(fileno=os.dup(number)) as connection:
        if connection.getsockname()[1] == port:
            connection.shutdown(socket.SHUT_RDWR)
