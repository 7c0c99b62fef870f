"""Just enough of ZMTP 3.1 with CURVE (ZeroMQ's RFC 23 and 26) to say what libzmq never would.

As a process, ``python curve.py PORT SERVER_KEY PUBLIC SECRET`` sends messages that never end until it is refused.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from pathlib import Path

import zmq


def sodium() -> ctypes.CDLL | None:
    """The library that pyzmq's wheel brings along."""
    found = sorted(Path(zmq.__file__).parents[1].glob("pyzmq.libs/libsodium*.so*"))
    return ctypes.CDLL(str(found[0])) if found else None


class Curve:
    """A client's connection after the handshake."""

    def __init__(self, port: int, server: bytes, public: bytes, secret: bytes) -> None:
        self._lib = sodium()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._counter = 0
        own, own_secret = self._pair()
        self._socket.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x01CURVE" + bytes(15) + b"\x00" + bytes(31))
        self._read(64)
        hello = self._box(bytes(64), b"CurveZMQHELLO---" + self._count(), server, own_secret)
        self._command(b"\x05HELLO\x01\x00" + bytes(72) + own + struct.pack(">Q", self._counter) + hello)
        welcome = self._frame()
        assert welcome.startswith(b"\x07WELCOME")
        opened = self._open(welcome[24:], b"WELCOME-" + welcome[8:24], server, own_secret)
        theirs, cookie = opened[:32], opened[32:]
        nonce = os.urandom(16)
        vouch = nonce + self._box(own + server, b"VOUCH---" + nonce, theirs, secret)
        about = b"\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity" + bytes(4)
        box = self._box(public + vouch + about, b"CurveZMQINITIATE" + self._count(), theirs, own_secret)
        self._command(b"\x08INITIATE" + cookie + struct.pack(">Q", self._counter) + box)
        if not self._frame().startswith(b"\x05READY"):
            raise PermissionError
        self._keys = theirs, own_secret

    def part(self, data: bytes, more: bool) -> None:
        """Send one part of a message."""
        box = self._box(bytes([more]) + data, b"CurveZMQMESSAGEC" + self._count(), *self._keys)
        body = b"\x07MESSAGE" + struct.pack(">Q", self._counter) + box
        self._socket.sendall(b"\x02" + struct.pack(">Q", len(body)) + body)

    def _pair(self) -> tuple[bytes, bytes]:
        public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
        self._lib.crypto_box_keypair(public, secret)
        return public.raw, secret.raw

    def _count(self) -> bytes:
        self._counter += 1
        return struct.pack(">Q", self._counter)

    def _box(self, plain: bytes, nonce: bytes, public: bytes, secret: bytes) -> bytes:
        out = ctypes.create_string_buffer(len(plain) + 16)
        assert self._lib.crypto_box_easy(out, plain, ctypes.c_ulonglong(len(plain)), nonce, public, secret) == 0
        return out.raw

    def _open(self, boxed: bytes, nonce: bytes, public: bytes, secret: bytes) -> bytes:
        out = ctypes.create_string_buffer(len(boxed) - 16)
        assert self._lib.crypto_box_open_easy(out, boxed, ctypes.c_ulonglong(len(boxed)), nonce, public, secret) == 0
        return out.raw

    def _command(self, body: bytes) -> None:
        size = bytes([4, len(body)]) if len(body) < 256 else b"\x06" + struct.pack(">Q", len(body))
        self._socket.sendall(size + body)

    def _frame(self) -> bytes:
        flags = self._read(1)[0]
        size = struct.unpack(">Q", self._read(8))[0] if flags & 2 else self._read(1)[0]
        return self._read(size)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += (more := self._socket.recv(size - len(data)))
            if not more:
                raise ConnectionError
        return data


if __name__ == "__main__":
    port, *keys = sys.argv[1:]
    part = os.urandom(500_000)
    while True:
        try:
            connection = Curve(int(port), *(bytes.fromhex(key) for key in keys))
            while True:
                connection.part(part, more=True)
        except PermissionError:
            sys.exit("refused")
        except OSError:
            print("disconnected", flush=True)
