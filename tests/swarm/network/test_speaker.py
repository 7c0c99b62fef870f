"""Which way a message takes, and what is sealed only once."""

from __future__ import annotations

import os

import pytest

from wsi_swarm.swarm.network.codec import unseal
from wsi_swarm.swarm.network.links import Traffic
from wsi_swarm.swarm.network.routes import Routes
from wsi_swarm.swarm.network.speaker import SEALED, Speaker
from wsi_swarm.swarm.protocol.message import Chunk, Forward, Have


class Post:
    """A speaker at member 0, what it sent to whom, and who takes nothing."""

    def __init__(self, net) -> None:
        self.sent: list[tuple[int, bytes]] = []
        self.full: set[int] = set()
        self.now, self.routes = 0.0, Routes(0, patience_s=4)
        self.speaker = Speaker(net.local(0, dial_only=True), self.routes, Traffic(), self._send, lambda: self.now)

    def _send(self, to: int, _identity: bytes | None, frame: bytes) -> bool:
        if to in self.full:
            return False
        self.sent.append((to, frame))
        return True

    def messages(self) -> list[tuple[int, object]]:
        return [(to, unseal(frame)[0].message) for to, frame in self.sent]


@pytest.fixture
def post(net) -> Post:
    return Post(net)


def test_who_is_heard_is_spoken_to_directly_and_others_over_who_reaches_them(post):
    for relay in (1, 2):
        post.routes.heard(relay, 0.0)
        post.routes.to(relay).reaches = frozenset({5})
    post.speaker.say(1, 7, Have(b"1" * 32))
    post.speaker.say(5, 7, Have(b"5" * 32))
    post.speaker.say(6, 7, Have(b"6" * 32))
    (first, (relay, wrapped), last) = post.messages()
    assert first == (1, Have(b"1" * 32))
    assert relay == post.routes.relays(5, 0.0)[0]
    assert isinstance(wrapped, Forward)
    assert unseal(wrapped.frame)[0].message == Have(b"5" * 32)
    assert last == (6, Have(b"6" * 32))  # nobody knows a way: it is tried all the same


def test_what_a_peer_cannot_take_waits_and_keeps_its_order(post):
    post.routes.heard(1, 0.0)
    post.full.add(1)
    post.speaker.say(1, 7, Have(b"a" * 32))
    post.full.clear()
    post.speaker.say(1, 7, Have(b"b" * 32))
    assert post.sent == []
    post.speaker.flush()
    assert [message.root[:1] for _, message in post.messages()] == [b"a", b"b"]
    assert post.speaker.traffic.dropped == 0


def test_for_who_is_away_nothing_waits(post):
    post.full.add(1)
    post.speaker.say(1, 7, Have(b"a" * 32))
    post.full.clear()
    post.speaker.flush()
    assert post.sent == []
    assert post.speaker.traffic.dropped == 1


def test_a_chunk_is_sealed_once_for_all_and_few_are_kept(post):
    chunk = Chunk(b"r" * 32, 0, os.urandom(1000))
    for to in (1, 2):
        post.speaker.say(to, 7, chunk)
    assert post.sent[0][1] is post.sent[1][1]
    post.speaker.say(1, 8, chunk)
    assert unseal(post.sent[2][1])[0].round == 8
    for index in range(3 * SEALED):
        post.speaker.say(1, 7, Chunk(b"r" * 32, index, b""))
    assert len(post.speaker._sealed) == SEALED
