"""A tiny SOCKS5 proxy (RFC 1928: CONNECT, no authentication), also as a process: ``python socks.py HOST PORT``."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Socks:
    """Use it as a context manager.

    Attributes
    ----------
    address
        ``HOST:PORT``.
    asked
        Where it was asked to connect to.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, say: Callable[[str], None] = lambda _: None) -> None:
        self._host, self._port, self._say = host, port, say
        self.address = ""
        self.asked: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Socks:
        self._server = await asyncio.start_server(self._accept, self._host, self._port)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._serve(reader, writer)
        self._tasks.discard(task)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        self.asked.append(f"{host}:{port}")
        self._say(f"{host}:{port}")
        out_reader, out_writer = await asyncio.open_connection(host, port)
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        try:
            await asyncio.gather(self._pump(reader, out_writer), self._pump(out_reader, writer))
        finally:
            out_writer.close()

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def main() -> None:
    async with Socks(sys.argv[1], int(sys.argv[2]), lambda line: print(line, flush=True)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
