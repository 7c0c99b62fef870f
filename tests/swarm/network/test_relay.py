"""Members that nobody can dial, on real sockets."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack

import pytest

from wsi_swarm.swarm.protocol.message import Chunk, Have, Lack, WantChunks
from wsi_swarm.swarm.state.chunks import CHUNK_BYTES


async def until_heard_by_relay(net, one, other: int) -> None:
    await net.until_heard(one, other)
    assert other not in one.reachable()


def test_a_member_that_only_dials_is_answered_over_its_own_connection(net):
    async def play() -> None:
        a, b = net.local(0), net.local(1, dial_only=True)
        async with net.links(a, b) as left, net.links(b, a) as right:
            await net.until_heard(right, 0)
            right.send(0, 7, WantChunks(b"r" * 32, (0,)))
            await left.inbox.wait(1)
            left.send(1, 7, Chunk(b"r" * 32, 0, os.urandom(CHUNK_BYTES)))
            await right.inbox.wait(1)
            assert (left.reachable(), right.reachable()) == ({1}, {0})
            assert right._sockets._port is None

    asyncio.run(play())


def test_two_that_cannot_reach_each_other_talk_through_a_third(net):
    async def play() -> None:
        a, b, c = net.local(0), net.local(1, dial_only=True), net.local(2, dial_only=True)
        async with net.links(a, b, c) as between, net.links(b, a, c) as left, net.links(c, a, b) as right:
            await until_heard_by_relay(net, left, 2)
            await until_heard_by_relay(net, right, 1)
            await net.say(left, right, WantChunks(b"r" * 32, (0,)))
            chunk = Chunk(b"r" * 32, 0, os.urandom(CHUNK_BYTES))
            await net.say(right, left, chunk)
            assert left.inbox == [(2, 7, chunk)]
            assert between.inbox == []
            assert between.traffic.relayed >= 2
            assert (left.traffic.bad, right.traffic.bad, between.traffic.bad) == (0, 0, 0)

    asyncio.run(play())


def test_when_the_one_between_goes_another_takes_over(net):
    async def play() -> None:
        opened = [net.local(0), net.local(1)]
        b, c = net.local(2, dial_only=True), net.local(3, dial_only=True)
        async with AsyncExitStack() as stack:
            middles = {
                one.index: await stack.enter_async_context(net.links(one, *[o for o in (*opened, b, c) if o != one]))
                for one in opened[:1]
            }
            left = await stack.enter_async_context(net.links(b, *opened, c))
            right = await stack.enter_async_context(net.links(c, *opened, b))
            async with net.links(opened[1], opened[0], b, c):
                await net.until_heard(left, 1)
                await net.until_heard(right, 1)
                await net.say(left, right, Have(b"h" * 32))
            await net.say(left, right, Lack(b"l" * 32))
            assert middles[0].traffic.relayed >= 1

    asyncio.run(play())


def test_without_anybody_between_what_is_sent_is_dropped_and_counted(net):
    async def play() -> None:
        b, c = net.local(1, dial_only=True), net.local(2, dial_only=True)
        async with net.links(b, c) as left, net.links(c, b) as right:
            left.send(2, 1, Have(b"h" * 32))
            await left.traffic.until(lambda counts: counts.dropped >= 3)
            assert (right.inbox, left.reachable()) == ([], frozenset())

    asyncio.run(play())


def test_a_member_whose_port_turns_out_to_be_shut_is_reached_all_the_same(net):
    async def play() -> None:
        a, b, c = net.local(0), net.local(1), net.local(2)
        nowhere = net.replace(b, endpoint="tcp://127.0.0.1:9", bind=b.bind)  # what peers dial leads nowhere
        async with net.links(a, nowhere, c) as left, net.links(nowhere, a, c) as right, net.links(c, a, nowhere):
            await net.say(left, right, Have(b"h" * 32))

    asyncio.run(play())


@pytest.mark.parametrize("dial_only", [True, False])
def test_a_proxy_is_asked_for_the_connection(net, dial_only, socks):
    async def play() -> None:
        a, b = net.local(0), net.local(1, dial_only=dial_only)
        async with AsyncExitStack() as stack:
            proxy = await stack.enter_async_context(socks())
            left = await stack.enter_async_context(net.links(a, b))
            right = await stack.enter_async_context(net.links(net.replace(b, socks=proxy.address), a))
            await net.until_heard(left, 1)
            await net.until_heard(right, 0)
            await net.say(left, right, Have(b"h" * 32))
            assert proxy.asked == [a.endpoint.removeprefix("tcp://")]

    asyncio.run(play())
