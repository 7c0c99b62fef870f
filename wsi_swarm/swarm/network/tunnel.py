"""Connections to a peer through a SOCKS5 proxy (RFC 1928, no authentication).

ZeroMQ can do that itself, but where the proxy is slow or goes away it may end the process ("Bad file descriptor" in its
epoll.cpp). So ZeroMQ dials a private local socket instead, and what comes there is carried to the peer. CURVE goes
through it end to end: neither the proxy nor this sees what is said.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import shutil
import socket
import struct
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

_TURN = 64 * 1024


class Tunnel:
    """The way to one peer.

    Parameters
    ----------
    proxy
        ``HOST:PORT``.
    endpoint
        Of the peer, ``tcp://HOST:PORT``.
    connect_s
        Seconds until an attempt is given up.

    Attributes
    ----------
    address
        What ZeroMQ is to dial.
    """

    def __init__(self, proxy: str, endpoint: str, connect_s: float) -> None:
        near, far = urlsplit(f"//{proxy}"), urlsplit(endpoint)
        self._proxy = (near.hostname or "", near.port or 0)
        self._request = _request(far.hostname or "", far.port or 0)
        self._endpoint, self._connect_s = endpoint, connect_s
        self._trouble = ""
        self._folder = Path(tempfile.mkdtemp(prefix="wsi-"))  # only its owner may enter
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self._folder / "peer"))
        self.address = f"ipc://{self._folder / 'peer'}"
        self._task = asyncio.get_running_loop().create_task(self._serve(listener))

    def close(self) -> None:
        """End all connections."""
        self._task.cancel()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _serve(self, listener: socket.socket) -> None:
        carried: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(self._carry(reader, writer))
            carried.add(task)
            task.add_done_callback(carried.discard)

        server = await asyncio.start_unix_server(accept, sock=listener)
        try:
            await server.serve_forever()
        finally:
            for task in tuple(carried):
                task.cancel()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(self._connect_s):
                far_reader, far = await asyncio.open_connection(*self._proxy)
                await _ask(far_reader, far, self._request)
            pumps = [asyncio.ensure_future(_pump(reader, far)), asyncio.ensure_future(_pump(far_reader, writer))]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
            self._trouble = ""
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            self._complain(str(error) or "it does not answer in time")  # ZeroMQ sees the end and dials again
        finally:
            for one in (writer, far):
                if one is not None:
                    one.close()

    def _complain(self, trouble: str) -> None:
        """Tell a person, once as long as it is the same."""
        if trouble != self._trouble:
            host, port = self._proxy
            log.warning(
                "no way to %s through the proxy %s:%d: %s; it is tried again", self._endpoint, host, port, trouble
            )
            self._trouble = trouble


def _request(host: str, port: int) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("idna")
        return b"\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack(">H", port)
    return b"\x05\x01\x00" + (b"\x01" if address.version == 4 else b"\x04") + address.packed + struct.pack(">H", port)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    """Have the proxy connect.

    Raises
    ------
    OSError
        If it wants a password or does not connect.
    """
    writer.write(b"\x05\x01\x00")
    if await reader.readexactly(2) != b"\x05\x00":
        msg = "the SOCKS proxy wants a password or is none"
        raise OSError(msg)
    writer.write(request)
    _, answer, _, kind = await reader.readexactly(4)
    length = (await reader.readexactly(1))[0] if kind == 3 else {1: 4, 4: 16}.get(kind, 0)
    await reader.readexactly(length + 2)
    if answer != 0:
        msg = f"the SOCKS proxy answers {answer}"
        raise OSError(msg)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_TURN):
            writer.write(data)
            await writer.drain()
