"""JSON-RPC over HTTP/1.1 for the embedded chain: one thread, keep-alive, each answer in one write.

One write matters: with header and body in two, delayed acknowledgements make every call cost 40 ms and more.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from wsi_swarm.errors import SetupError, WsiSwarmError
from wsi_swarm.swarm.chain.devchain import DevChain
from wsi_swarm.swarm.chain.rpc import Rpc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_BODY = 8 * 1024 * 1024
MAX_HEAD = 16 * 1024


class RpcServer:
    """Serves one chain until :meth:`stop`."""

    def __init__(self, chain: DevChain) -> None:
        self._chain = chain
        self._rpc = Rpc(chain)
        self._stopping = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._failure: WsiSwarmError | None = None

    async def serve(self, host: str, port: int, ready: Callable[[str], None]) -> None:
        """Listen on ``host:port`` (0 picks a free port) and call ``ready`` with the URL.

        Raises
        ------
        SetupError
            The port cannot be opened.
        SwarmError
            The journal cannot be written.
        """
        try:
            server = await asyncio.start_server(self._connection, host, port, limit=MAX_HEAD)
        except OSError as error:
            msg = f"The chain cannot listen on {host}:{port} ({error.strerror}); give another --port."
            raise SetupError(msg) from error
        try:
            ready(f"http://{host}:{server.sockets[0].getsockname()[1]}")
            await self._stopping.wait()
        finally:
            server.close()
            if self._timer:
                self._timer.cancel()
            for writer in self._open.values():
                writer.transport.abort()
            if self._open:
                await asyncio.wait(list(self._open))
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        """End :meth:`serve`."""
        self._stopping.set()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (the server runs this as a task)
        self._open[task] = writer
        try:
            await self._talk(reader, writer)
        finally:
            del self._open[task]

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            while not self._stopping.is_set():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {
                    name.strip().lower(): value.strip() for name, _, value in (h.partition(":") for h in head[1:])
                }
                length = headers.get("content-length", "")
                if not head[0].startswith("POST ") or not length.isdigit() or int(length) > MAX_BODY:
                    writer.write(_response(b'{"error":"POST a JSON-RPC request"}', "400 Bad Request", keep=False))
                    break
                body = await reader.readexactly(int(length))
                keep = headers.get("connection", "").lower() != "close"
                try:
                    answer = self._answer(body)
                except WsiSwarmError as error:
                    self._fail(error)
                    break
                writer.write(_response(answer, "200 OK", keep))
                await writer.drain()
                self._mine()
                if not keep:
                    break
        with suppress(ConnectionError):
            writer.close()

    def _answer(self, body: bytes) -> bytes:
        try:
            request = json.loads(body)
        except ValueError:
            return b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the request is not JSON"}}'
        return json.dumps(self._rpc.answer(request)).encode()

    def _mine(self) -> None:
        """Mine what is due, and come back when the next block is if something waits."""
        try:
            wait = self._chain.mine_if_due()
        except WsiSwarmError as error:
            self._fail(error)
            return
        if wait is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait, self._on_timer)

    def _fail(self, error: WsiSwarmError) -> None:
        """End the process: a chain that has lost its journal must not go on."""
        self._failure = error
        self.stop()

    def _on_timer(self) -> None:
        self._timer = None
        self._mine()


def run_dev_chain(
    host: str, port: int, folder: Path | None, chain_id: int, block_time: int, ready: Callable[[str, DevChain], None]
) -> None:
    """Run the embedded chain until SIGTERM or SIGINT; ``ready`` gets its URL once it answers.

    Raises
    ------
    SetupError, ConfigError, IntegrityError, SwarmError
        The port is taken, or the journal in ``folder`` cannot be used or written.
    """
    chain = DevChain(time.time, chain_id, folder, block_time)

    async def serve() -> None:
        server = RpcServer(chain)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        await server.serve(host, port, lambda url: ready(url, chain))

    try:
        asyncio.run(serve())
    finally:
        chain.close()


def _response(body: bytes, status: str, keep: bool) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    head += f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n"
    return head.encode() + body
