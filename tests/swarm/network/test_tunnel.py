"""A proxy that is slow, says no or goes away costs the connection and never the process."""

from __future__ import annotations

import asyncio
import socket

import pytest

from wsi_swarm.swarm.protocol.message import Have

ANSWERS = {
    "none": b"",
    "password": b"\x05\xff",
    "refusal": b"\x05\x00\x05\x05\x00\x01" + bytes(6),
    "garbage": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_what_is_no_working_proxy_is_tried_again_and_costs_nothing_else(net, kind):
    async def play() -> None:
        tries = asyncio.Queue()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await tries.put(await reader.read(3))
            writer.write(ANSWERS[kind])
            writer.close()

        a, b = net.local(0), net.local(1, dial_only=True)
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as proxy:
            port = proxy.sockets[0].getsockname()[1]
            async with net.links(a, b) as left, net.links(net.replace(b, socks=f"127.0.0.1:{port}"), a) as right:
                async with asyncio.timeout(20):
                    for _ in range(4):
                        assert await tries.get() == b"\x05\x01\x00"
                assert (left.heard_at, right.reachable()) == ({}, frozenset())

    asyncio.run(play())


def test_a_proxy_that_goes_and_comes_back_is_used_again(net, socks):
    async def play() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        a, b = net.local(0), net.local(1, dial_only=True)
        through = net.replace(b, socks=f"127.0.0.1:{port}")
        async with net.links(a, b) as left, net.links(through, a) as right:
            for word in (b"1", b"2", b"3"):
                async with socks(port=port):
                    await net.say(right, left, Have(word * 32))
            assert [message.root[:1] for *_, message in left.inbox] == [b"1", b"2", b"3"]

    asyncio.run(play())
