"""What becomes of a frame: decided without sockets."""

from __future__ import annotations

import os
from dataclasses import replace

import msgpack
import pytest

from wsi_swarm.swarm.network.codec import VERSION, seal
from wsi_swarm.swarm.network.gate import Verdict
from wsi_swarm.swarm.network.intake import MAX_TOLD, Heard, Intake, PassOn
from wsi_swarm.swarm.network.limits import Limits, Rate
from wsi_swarm.swarm.network.links import Traffic
from wsi_swarm.swarm.protocol.message import Chunk, Envelope, Forward, Have, Lack

HAVE, LACK = Have(b"h" * 32), Lack(b"l" * 32)
STRICT = Limits(bad=Rate(0, 3), frames=Rate(0, 20), bytes=Rate(0, 20_000), relay=Rate(0, 3000), handshakes=Rate(0, 2))


class Desk:
    """An intake at member 0 of four, and what it complained about."""

    def __init__(self, net, limits: Limits = STRICT) -> None:
        self.locals = [net.local(index, dial_only=True) for index in range(4)]
        self.offences, self.trouble = [], []
        self.intake = Intake(self.locals[0], limits, Traffic(), self._cut_off, self._tell)
        self.intake.peers = {one.index: net.peer(one) for one in self.locals[1:]}

    def _cut_off(self, author: int, link: int, why: str) -> None:
        self.offences.append((author, link, why))
        self.intake.bans.ban(author, link, 0.0)
        self.intake.begin_anew(author)

    def _tell(self, *told) -> None:
        self.trouble.append(told)

    def frame(self, sender: int, message, **changes) -> bytes:
        one = self.locals[sender]
        return seal(replace(Envelope(1, one.config_hash, 7, sender, message), **changes), one.key)

    def take(self, link: int, *parts: bytes, now: float = 0.0):
        return self.intake.take(link, parts, now)


@pytest.fixture
def desk(net) -> Desk:
    return Desk(net)


def test_a_message_of_the_member_itself_is_heard(desk):
    assert desk.take(1, desk.frame(1, HAVE)) == Heard(1, 7, HAVE, direct=True)
    assert desk.take(2, desk.frame(1, HAVE)) is None
    assert desk.intake.traffic.bad == 1


def test_a_chunk_is_let_through_only_if_it_was_asked_for_and_then_costs_nothing(desk):
    chunk = Chunk(b"r" * 32, 3, os.urandom(15_000))
    frame = desk.frame(1, chunk)
    assert desk.take(1, frame) is None
    desk.intake.begin_anew(1)
    for _ in range(10):
        desk.intake.asked(1, chunk.root, (3,))
        assert desk.take(1, frame) == Heard(1, 7, chunk, direct=True)
    assert desk.offences == []
    for _ in range(3):
        assert desk.take(1, frame) is None
    assert desk.offences == [(1, 1, "it floods this centre with more than was asked for")]


def test_what_one_member_wants_passed_on_is_passed_on_if_it_is_its_own(desk):
    inner = desk.frame(1, HAVE)
    assert desk.take(1, desk.frame(1, Forward(2, inner))) == PassOn(1, 2, inner)
    for wrong in (desk.frame(3, HAVE), os.urandom(40), desk.frame(1, Forward(3, inner))):
        assert desk.take(1, desk.frame(1, Forward(2, wrong))) is None
    assert desk.intake.traffic.bad == 3


def test_what_was_passed_on_is_heard_as_its_authors(desk):
    assert desk.take(2, desk.frame(2, Forward(0, desk.frame(1, HAVE)))) == Heard(1, 7, HAVE, direct=False)


@pytest.mark.parametrize("kind", ["garbage", "forged", "nested"])
def test_the_carrier_answers_for_what_its_author_never_signed(desk, kind):
    wrong = {
        "garbage": os.urandom(50),
        "forged": seal(Envelope(1, desk.locals[0].config_hash, 7, 1, HAVE), desk.locals[2].key),
        "nested": desk.frame(1, Forward(0, desk.frame(1, HAVE))),
    }[kind]
    for _ in range(4):
        assert desk.take(2, desk.frame(2, Forward(0, wrong))) is None
    assert [offence[:2] for offence in desk.offences] == [(2, 2)]


def test_nobody_is_cut_off_because_another_repeats_its_frames(desk):
    repeated = desk.frame(2, Forward(0, desk.frame(1, HAVE)))
    for _ in range(60):
        desk.take(2, repeated)
    assert (1, 1) not in [offence[:2] for offence in desk.offences]
    assert desk.offences[0][:2] == (1, 2)  # no more of member 1 over member 2
    assert desk.take(1, desk.frame(1, HAVE)) == Heard(1, 7, HAVE, direct=True)
    assert desk.take(3, desk.frame(3, Forward(0, desk.frame(1, LACK)))) == Heard(1, 7, LACK, direct=False)
    assert desk.take(2, desk.frame(2, HAVE)) == Heard(2, 7, HAVE, direct=True)  # nor is who passed it on


def test_what_is_passed_on_has_a_limit(desk):
    inner = desk.frame(1, Chunk(b"r" * 32, 0, bytes(1000)))
    taken = [desk.take(1, desk.frame(1, Forward(2, inner))) for _ in range(6)]
    assert [one is not None for one in taken] == [True, True, False, False, False, False]
    assert desk.offences == [(1, 1, "it floods other members through this centre")]


def test_who_is_cut_off_is_not_heard_until_its_time_is_over(desk):
    for _ in range(60):
        desk.take(1, desk.frame(1, HAVE))
    assert desk.offences == [(1, 1, "it floods this centre with more than was asked for")]
    assert desk.take(1, desk.frame(1, HAVE), now=59.0) is None
    assert desk.intake.admit(1, 59.0) is Verdict.NO
    assert desk.take(1, desk.frame(1, HAVE), now=61.0) == Heard(1, 7, HAVE, direct=True)


def test_a_version_configuration_or_run_that_differs_is_told_once_and_is_no_offence(desk):
    other = msgpack.packb([msgpack.packb([VERSION + 1, "and", "whatever"]), bytes(65)])
    for _ in range(3):
        assert desk.take(1, other) is None
        assert desk.take(2, desk.frame(2, HAVE, config_hash=b"d" * 32)) is None
        assert desk.take(3, desk.frame(3, HAVE, run=5)) is None
    assert [(index, words in text) for (index, text), words in zip(
        desk.trouble, (f"version {VERSION + 1}", "identical run.toml", "run 5"), strict=True
    )] == [(1, True), (2, True), (3, True)]  # fmt: skip
    assert (desk.intake.traffic.refused, desk.intake.traffic.bad, desk.offences) == (9, 0, [])


def test_a_person_is_not_told_of_every_number_that_can_be_made_up(desk):
    for run in range(2, 15):
        desk.take(1, desk.frame(1, HAVE, run=run))
    assert len(desk.trouble) == MAX_TOLD


def test_the_gate_lets_members_in_and_not_too_often(desk):
    assert desk.intake.admit(None, 0.0) is Verdict.NO
    assert [desk.intake.admit(1, 0.0) for _ in range(3)] == [Verdict.YES, Verdict.YES, Verdict.LATER]


def test_a_member_with_other_keys_begins_anew(desk):
    for _ in range(60):
        desk.take(1, desk.frame(1, HAVE))
    assert desk.take(1, desk.frame(1, HAVE)) is None
    desk.intake.forget(1)
    assert desk.take(1, desk.frame(1, HAVE)) == Heard(1, 7, HAVE, direct=True)
