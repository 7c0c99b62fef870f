"""Real loopback sockets with CURVE: members get through, nobody and nothing else does."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest
import zmq

from wsi_swarm.errors import SetupError
from wsi_swarm.swarm.network.codec import seal
from wsi_swarm.swarm.network.limits import Limits, Rate
from wsi_swarm.swarm.protocol.message import Beat, Chunk, Envelope, Have, Lack, WantChunks
from wsi_swarm.swarm.state.chunks import CHUNK_BYTES

HAVE = Have(b"h" * 32)


def test_two_members_talk_and_a_chunk_that_was_asked_for_arrives_whole(net):
    async def play() -> None:
        a, b = net.local(0), net.local(1)
        async with net.links(a, b) as left, net.links(b, a) as right:
            await net.until_heard(right, 0)
            await net.until_heard(left, 1)
            right.send(0, 7, WantChunks(b"r" * 32, (3,)))
            await left.inbox.wait(1)
            chunk = Chunk(b"r" * 32, 3, os.urandom(CHUNK_BYTES))
            left.send(1, 7, Chunk(b"r" * 32, 4, b"nobody asked"))
            left.send(1, 7, chunk)
            await right.inbox.wait(1)
            assert left.inbox == [(1, 7, WantChunks(b"r" * 32, (3,)))]
            assert right.inbox == [(0, 7, chunk)]
            assert left.reachable() == {1}

    asyncio.run(play())


def test_a_peer_that_was_refused_because_it_was_not_known_yet_is_let_in_later(net):
    async def play() -> None:
        a, b = net.local(0), net.local(1)
        async with net.links(a) as left, net.links(b, a) as early:
            await early.traffic.until(lambda counts: counts.dropped >= 3)
            left.set_peers({1: net.peer(b)})
            await net.until_heard(left, 1)

    asyncio.run(play())


def test_an_endpoint_is_learnt_from_its_heartbeat_only_if_its_hash_stands_on_the_chain(net):
    async def play() -> None:
        a, b, c = net.local(0), net.local(1), net.local(2)
        async with net.links(b, a) as right, net.links(replace(c, endpoint="tcp://127.0.0.1:1"), a) as liar:
            async with net.links(a) as left:
                left.set_peers({1: net.peer(b, knows_endpoint=False), 2: net.peer(c, knows_endpoint=False)})
                await net.until_heard(left, 1)
                await net.until_heard(left, 2)
                assert left._peers[1].endpoint == b.endpoint
                assert left._peers[2].endpoint is None
            assert (right.traffic.bad, liar.traffic.bad) == (0, 0)

    asyncio.run(play())


def test_an_unknown_key_does_not_get_past_the_handshake(net):
    async def play() -> None:
        a, b, stranger = net.local(0), net.local(1), net.local(1)
        async with net.links(a, b) as left, net.links(stranger, a) as outside, net.links(b, a):
            await net.until_heard(left, 1)
            for _ in range(4):  # as long as an honest member takes to be heard four times
                outside.send(0, 1, HAVE)
                await left.heard_at.beats(1, 1)
            assert left.inbox == []
            assert outside.traffic.bytes_out == 0  # never connected, so nothing ever left
            assert left.traffic.bad == 0

    asyncio.run(play())


@pytest.mark.parametrize("what", ["tampered", "other signer", "other sender", "garbage", "in two parts"])
def test_who_keeps_sending_what_is_not_its_own_message_is_disconnected_refused_and_reported(net, what):
    async def play() -> None:
        a, b, c = net.local(0), net.local(1), net.local(2)
        good = Envelope(1, net.config, 1, 1, HAVE)
        frame = {
            "tampered": [seal(good, b.key).replace(b"h" * 32, b"i" * 32)],
            "other signer": [seal(good, os.urandom(32))],
            "other sender": [seal(replace(good, sender=0), b.key)],
            "garbage": [os.urandom(50)],
            "in two parts": [seal(good, b.key), seal(good, b.key)],
        }[what]
        limits = Limits(bad=Rate(0, 5))
        async with net.links(a, replace(b, endpoint=""), c, limits=limits) as left, net.links(c, a):
            with net.dealer(b, a) as raw:
                raw.send(seal(good, b.key))
                await left.inbox.wait(1)
                for _ in range(6):
                    raw.send_multipart(frame)
                raw.send(seal(replace(good, message=Lack(b"l" * 32)), b.key))
                await left.trouble.wait(1)
                await left.heard_at.beats(2, 3)
                assert left.inbox == [(1, 1, HAVE)]  # not even what is honest is heard now
                assert [index for index, _ in left.trouble] == [1]
                assert "no message of its own; it is cut off for 60 s" in left.trouble[0][1]
                assert left.traffic.bad == 6
            with net.dealer(b, a) as again:  # the gate refuses it for a while
                refusals = again.get_monitor_socket(zmq.Event.HANDSHAKE_FAILED_AUTH)
                async with asyncio.timeout(20):
                    while not refusals.poll(0):
                        await left.heard_at.beats(2, 1)
                again.disable_monitor()
            assert left.inbox == [(1, 1, HAVE)]

    asyncio.run(play())


def test_a_peer_is_let_in_again_when_its_time_is_over(net):
    async def play() -> None:
        a, b = net.local(0), net.local(1)
        async with net.links(a, b, limits=Limits(ban_s=0.3)) as left, net.links(b, a) as right:
            await net.until_heard(left, 1)
            left.cut_off(1, "for a test")
            assert left.reachable() == frozenset()
            assert left.trouble == [(1, "for a test; it is cut off for 0.3 s")]
            await left.heard_at.beats(1, 1)
            right.send(0, 1, HAVE)
            await left.inbox.wait(1)

    asyncio.run(play())


@pytest.mark.parametrize(
    ("change", "words"),
    [({"config_hash": b"d" * 32}, "configuration 64646464"), ({"run": 2}, "run 2 and this centre in run 1")],
)
def test_another_run_or_configuration_is_refused_and_both_ends_are_told_once(net, change, words):
    async def play() -> None:
        a, b = net.local(0), replace(net.local(1, dial_only=True), **change)
        async with net.links(a, b) as left, net.links(b, a) as right:
            await left.traffic.until(lambda counts: counts.refused >= 6)
            await right.traffic.until(lambda counts: counts.refused >= 6)
            assert [index for index, _ in left.trouble] == [1]
            assert [index for index, _ in right.trouble] == [0]
            assert words in left.trouble[0][1]
            assert (left.traffic.bad, left.inbox, left.reachable()) == (0, [], frozenset())

    asyncio.run(play())


def test_a_removed_member_is_disconnected_and_the_others_do_not_notice(net):
    async def play() -> None:
        a, b, c = net.local(0), net.local(1), net.local(2)
        async with net.links(a, b, c) as left, net.links(b, a) as removed, net.links(c, a):
            await net.until_heard(left, 1)
            await net.until_heard(left, 2)
            left.set_peers({2: net.peer(c)})
            for _ in range(4):
                removed.send(0, 1, HAVE)
                await left.heard_at.beats(2, 1)
            assert 1 not in left.heard_at
            assert left.inbox == []
            await removed.traffic.until(lambda counts: counts.dropped >= 3)

    asyncio.run(play())


def test_a_taken_port_is_refused_with_a_sentence(net):
    async def play() -> None:
        a = net.local(0)
        async with net.links(a):
            with pytest.raises(SetupError, match="cannot listen on"):
                async with net.links(replace(net.local(1), bind=a.bind)):
                    pass

    asyncio.run(play())


def test_a_beat_is_not_passed_on(net):
    async def play() -> None:
        a, b = net.local(0), net.local(1)
        async with net.links(a, b) as left, net.links(b, a) as right:
            await net.until_heard(left, 1)
            right.send(0, 0, Beat(b.endpoint, hears=True))
            right.send(0, 0, HAVE)
            await left.inbox.wait(1)
            assert left.inbox == [(1, 0, HAVE)]

    asyncio.run(play())


def test_what_goes_wrong_with_a_message_ends_the_node_and_is_not_swallowed(net):
    async def play() -> None:
        a, b = net.local(0), net.local(1)

        def fail(*_: object) -> None:
            msg = "the machine broke"
            raise RuntimeError(msg)

        async with net.links(a, b) as left, net.links(b, a) as right:
            left._on_message = fail
            await net.until_heard(right, 0)
            right.send(0, 1, HAVE)
            with pytest.raises(RuntimeError, match="the machine broke"):
                await asyncio.wait_for(left.failure(), 10)

    asyncio.run(play())
