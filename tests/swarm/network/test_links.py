"""Real loopback sockets with CURVE: members get through, nobody and nothing else does."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from dataclasses import replace

import pytest
import zmq
from zmq.utils import z85

from wsi_swarm.errors import ConfigError, SetupError
from wsi_swarm.swarm.ledger.typed_data import account_of, endpoint_hash
from wsi_swarm.swarm.network.codec import seal
from wsi_swarm.swarm.network.links import MAX_BAD_FRAMES, Links, Local, Peer, Traffic, bind_address
from wsi_swarm.swarm.protocol.message import Beat, Chunk, Envelope, Have, Lack
from wsi_swarm.swarm.state.chunks import CHUNK_BYTES

CONFIG = b"c" * 32


def free_endpoint() -> str:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as probe:
        port = probe.bind_to_random_port("tcp://127.0.0.1")
    return f"tcp://127.0.0.1:{port}"


def local(index: int) -> Local:
    public, secret = (z85.decode(key) for key in zmq.curve_keypair())
    endpoint = free_endpoint()
    return Local(index, os.urandom(32), public, secret, endpoint, bind_address(endpoint), 1, CONFIG)


def peer(one: Local, knows_endpoint: bool = True) -> Peer:
    endpoint = one.endpoint if knows_endpoint else None
    return Peer(one.index, account_of(one.key), one.curve_public, endpoint_hash(one.endpoint), endpoint)


class Inbox(list):
    """Messages that came, and a way to wait for the next."""

    def __init__(self) -> None:
        super().__init__()
        self._came = asyncio.Event()

    def __call__(self, sender, round_, message) -> None:
        self.append((sender, round_, message))
        self._came.set()

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self) < count:
                self._came.clear()
                await self._came.wait()


class Heard(dict):
    """When each member was heard last, and a way to wait for signs of life."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = asyncio.Event()
        self._beats: Counter[int] = Counter()

    def __setitem__(self, index: int, when: float) -> None:
        super().__setitem__(index, when)
        self._beats[index] += 1
        self._changed.set()

    async def beats(self, index: int, count: int) -> None:
        """Wait until this member was heard so many more times."""
        wanted = self._beats[index] + count
        async with asyncio.timeout(10):
            while self._beats[index] < wanted:
                self._changed.clear()
                await self._changed.wait()


class Counts(Traffic):
    """Traffic, and a way to wait until it has come to something."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name != "changed" and hasattr(self, "changed"):
            self.changed.set()

    async def until(self, condition) -> None:
        self.changed = asyncio.Event()
        async with asyncio.timeout(10):
            while not condition(self):
                self.changed.clear()
                await self.changed.wait()


def links(one: Local, inbox: Inbox) -> Links:
    made = Links(one, heartbeat_s=0.05, connect_s=2, peers={}, on_message=inbox)
    made.heard_at, made.traffic = Heard(), Counts()
    return made


async def until_heard(listener: Links, index: int) -> None:
    if index not in listener.heard_at:
        await listener.heard_at.beats(index, 1)


def test_two_members_talk_and_a_chunk_arrives_whole():
    async def play() -> None:
        a, b = local(0), local(1)
        at_a, at_b = Inbox(), Inbox()
        async with links(a, at_a) as left, links(b, at_b) as right:
            left.set_peers({1: peer(b)})
            right.set_peers({0: peer(a)})
            await until_heard(right, 0)
            await until_heard(left, 1)
            chunk = Chunk(b"r" * 32, 3, os.urandom(CHUNK_BYTES))
            left.send(1, 7, chunk)
            right.send(0, 7, Lack(b"r" * 32))
            await at_b.wait(1)
            await at_a.wait(1)
            assert at_b == [(0, 7, chunk)]
            assert at_a == [(1, 7, Lack(b"r" * 32))]

    asyncio.run(play())


def test_a_peer_that_was_refused_because_it_was_not_known_yet_is_let_in_later():
    async def play() -> None:
        a, b = local(0), local(1)
        async with links(a, Inbox()) as left, links(b, Inbox()) as early:
            early.set_peers({0: peer(a)})
            await early.traffic.until(lambda counts: counts.dropped >= 3)
            left.set_peers({1: peer(b)})
            await until_heard(left, 1)

    asyncio.run(play())


def test_an_endpoint_is_learnt_from_its_heartbeat_only_if_its_hash_stands_on_the_chain():
    async def play() -> None:
        a, b, c = local(0), local(1), local(2)
        at_b = Inbox()
        with_lie = replace(c, endpoint="tcp://127.0.0.1:1")
        async with links(a, Inbox()) as left, links(b, at_b) as right, links(with_lie, Inbox()) as liar:
            left.set_peers({1: peer(b, knows_endpoint=False), 2: peer(c, knows_endpoint=False)})
            right.set_peers({0: peer(a)})
            liar.set_peers({0: peer(a)})
            await until_heard(left, 1)
            await until_heard(left, 2)
            left.send(2, 1, Have(b"h" * 32))
            assert left.traffic.dropped >= 1
            while not at_b:
                left.send(1, 1, Have(b"h" * 32))
                await left.heard_at.beats(1, 1)

    asyncio.run(play())


def test_an_unknown_key_does_not_get_past_the_handshake():
    async def play() -> None:
        a, b, stranger = local(0), local(1), local(1)
        at_a = Inbox()
        async with links(a, at_a) as left, links(stranger, Inbox()) as outside, links(b, Inbox()) as right:
            left.set_peers({1: peer(b)})
            outside.set_peers({0: peer(a)})
            right.set_peers({0: peer(a)})
            await until_heard(left, 1)
            for _ in range(4):  # as long as an honest member takes to be heard four times
                outside.send(0, 1, Have(b"x" * 32))
                await left.heard_at.beats(1, 1)
            assert at_a == []
            assert outside.traffic.bytes_out == 0  # never connected, so nothing ever left
            assert left.traffic.bad == 0

    asyncio.run(play())


@pytest.mark.parametrize("what", ["tampered", "other signer", "other sender", "other configuration", "garbage"])
def test_a_message_that_is_not_the_members_own_is_refused_and_a_flood_of_them_cut_off(what):
    async def play() -> None:
        a, b, c = local(0), local(1), local(2)
        at_a = Inbox()
        good = Envelope(1, CONFIG, 1, 1, Have(b"h" * 32))
        frame = {
            "tampered": seal(good, b.key).replace(b"h" * 32, b"i" * 32),
            "other signer": seal(good, os.urandom(32)),
            "other sender": seal(replace(good, sender=0), b.key),
            "other configuration": seal(replace(good, config_hash=b"d" * 32), b.key),
            "garbage": os.urandom(50),
        }[what]
        async with links(a, at_a) as left, links(c, Inbox()) as honest:
            left.set_peers({1: peer(b), 2: peer(c)})
            honest.set_peers({0: peer(a)})
            with zmq.Context() as context, context.socket(zmq.DEALER) as raw:
                raw.curve_publickey, raw.curve_secretkey = b.curve_public, b.curve_secret
                raw.curve_serverkey = a.curve_public
                raw.connect(a.endpoint)
                raw.send(seal(good, b.key))
                await at_a.wait(1)
                for _ in range(MAX_BAD_FRAMES):
                    raw.send(frame)
                raw.send(seal(replace(good, message=Lack(b"l" * 32)), b.key))
                await left.traffic.until(lambda counts: counts.bad == MAX_BAD_FRAMES)
                await left.heard_at.beats(2, 2)
                assert left.traffic.bad == MAX_BAD_FRAMES
                assert at_a == [(1, 1, Have(b"h" * 32))]  # after so many, not even the honest one is heard
                raw.close(linger=0)

    asyncio.run(play())


def test_a_removed_member_is_disconnected_and_the_others_come_back():
    async def play() -> None:
        a, b, c = local(0), local(1), local(2)
        at_a = Inbox()
        async with links(a, at_a) as left, links(b, Inbox()) as removed, links(c, Inbox()) as stays:
            left.set_peers({1: peer(b), 2: peer(c)})
            removed.set_peers({0: peer(a)})
            stays.set_peers({0: peer(a)})
            await until_heard(left, 1)
            await until_heard(left, 2)
            left.set_peers({2: peer(c)})
            left.heard_at.clear()
            await until_heard(left, 2)
            for _ in range(4):
                removed.send(0, 1, Have(b"x" * 32))
                await left.heard_at.beats(2, 1)
            assert 1 not in left.heard_at
            assert at_a == []

    asyncio.run(play())


def test_a_taken_port_is_refused_with_a_sentence():
    async def play() -> None:
        a = local(0)
        async with links(a, Inbox()):
            with pytest.raises(SetupError, match="cannot listen on"):
                async with links(replace(local(1), bind=a.bind), Inbox()):
                    pass

    asyncio.run(play())


@pytest.mark.parametrize(
    ("endpoint", "bind"),
    [
        ("tcp://127.0.0.1:5101", "tcp://127.0.0.1:5101"),
        ("tcp://centre-a.example:5101", "tcp://*:5101"),
        ("tcp://[::1]:5101", "tcp://[::1]:5101"),
    ],
)
def test_bind_address(endpoint, bind):
    assert bind_address(endpoint) == bind


@pytest.mark.parametrize(
    "endpoint", ["127.0.0.1:5101", "tcp://host", "http://h:1", "tcp://h:99999", "", "tcp://[::1:5"]
)
def test_a_wrong_endpoint_is_refused(endpoint):
    with pytest.raises(ConfigError, match="tcp://HOST:PORT"):
        bind_address(endpoint)


def test_a_beat_is_not_passed_on():
    async def play() -> None:
        a, b = local(0), local(1)
        at_a = Inbox()
        async with links(a, at_a) as left, links(b, Inbox()) as right:
            left.set_peers({1: peer(b)})
            right.set_peers({0: peer(a)})
            await until_heard(left, 1)
            right.send(0, 0, Beat(b.endpoint, hears=True))
            right.send(0, 0, Have(b"h" * 32))
            await at_a.wait(1)
            assert at_a == [(1, 0, Have(b"h" * 32))]

    asyncio.run(play())
