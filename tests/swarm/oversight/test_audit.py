"""The audit: passes on what a member kept of a run, and names whatever was changed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from wsi_swarm.swarm.ledger import typed_data as td
from wsi_swarm.swarm.ledger.base import Committed
from wsi_swarm.swarm.merge.momentum import Momentum
from wsi_swarm.swarm.merge.whole import MergePlan, SyncPlan
from wsi_swarm.swarm.oversight.audit import Audit, audit_run, summary

from .conftest import Played


def audit(played: Played, who: int = 0, plan: MergePlan | None = None) -> Audit:
    ledger = played.ledgers[who]
    return audit_run(ledger, 1, played.checkpoint, plan or played.plan, ledger.account)


@pytest.fixture
def finished(tmp_path) -> Played:
    played = Played(tmp_path, rounds=3)
    for _ in range(3):
        played.final()
    return played


def test_every_round_is_re_derived(finished):
    found = audit(finished)
    assert found.passed
    assert [one.verdict for one in found.rounds] == ["verified"] * 3
    assert found.rounds[-1].root == finished.base.root.hex()
    lines = summary(found, {finished.ledgers[0].account: "centre-a"})
    assert "3 of 3 final rounds re-derived" in lines[-1]
    assert "centre-a" in lines[0]
    updates = found.rounds[0].updates
    assert [one.weight for one in sorted(updates, key=lambda one: one.weight)] == [100, 101, 102]
    assert {round(one.loss, 3) for one in updates} == {0.5, 0.333, 0.25}
    assert all(one.bytes == len(finished.update(0, 1)) for one in updates)


@pytest.mark.parametrize(
    "setting",
    [
        {"plan": MergePlan(rule=Momentum())},
        {"plan": MergePlan(weighted=False, sync=SyncPlan(10, 80))},
        {"bits": 16},
        {"members": 4, "committee": 2},
    ],
)
def test_every_way_to_merge_is_re_derived(tmp_path, setting):
    played = Played(tmp_path, rounds=4, **setting)
    for _ in range(4):
        played.final()
    found = audit(played)
    assert [one.verdict for one in found.rounds] == ["verified"] * 4, found
    other = MergePlan(rule=Momentum(), weighted=False)
    assert [one.verdict for one in audit(played, plan=other).rounds] == ["failed"] * 4


@pytest.mark.parametrize("where", [0, 40, -1])
def test_a_flipped_bit_in_an_update_names_round_and_member(finished, where):
    account = finished.ledgers[2].account
    path = finished.checkpoint.update_path(2, account)
    blob = bytearray(path.read_bytes())
    blob[where] ^= 1
    path.write_bytes(bytes(blob))
    found = audit(finished)
    assert not found.passed
    assert [one.verdict for one in found.rounds] == ["verified", "failed", "verified"]
    assert account in found.rounds[1].reason
    assert "re-derived" not in summary(found, {})[-1]


def test_a_changed_salt_a_changed_model_and_other_weights_fail(finished):
    checkpoint = finished.checkpoint
    assert [one.verdict for one in audit(finished, plan=MergePlan(weighted=False)).rounds] == ["failed"] * 3
    path = checkpoint.update_path(1, finished.ledgers[1].account).with_suffix(".json")
    path.write_text(json.dumps({"flags": 0, "salt": "00" * 32}))
    roots = [one.root for one in audit(finished).rounds]
    base = checkpoint.folder / "models" / f"{roots[1]}.state"
    base.write_bytes(base.read_bytes() + b"x")
    found = audit(finished)
    assert [one.verdict for one in found.rounds] == ["failed", "verified", "failed"]
    assert "does not hash to its name" in found.rounds[2].reason


def test_what_an_attester_no_longer_has_is_a_failure(finished):
    finished.checkpoint.update_path(2, finished.ledgers[1].account).unlink()
    found = audit(finished)
    assert found.rounds[1].verdict == "failed"
    assert "attested" in found.rounds[1].reason
    outsider = audit(finished, who=3)
    assert outsider.rounds[1].verdict == "not kept"
    assert outsider.passed


def test_rounds_in_which_a_member_was_away_are_not_kept_and_voids_are_listed(tmp_path):
    played = Played(tmp_path)
    played.final()
    played.void()
    played.final([1, 2], kept=False)
    found = audit(played)
    assert found.passed
    assert [one.verdict for one in found.rounds] == ["verified", "void", "not kept"]
    assert "1 not kept here" in summary(found, {})[-1]


def test_a_node_that_hides_or_makes_up_commitments_is_found_out(finished):
    ledger = finished.ledgers[0]
    events = ledger.events()[0]
    last = max(number for number, event in enumerate(events) if isinstance(event, Committed) and event.round == 2)

    class Lying:
        def __init__(self, told):
            self.told = told

        def __getattr__(self, name):
            return getattr(ledger, name)

        def events(self, since=0):
            return self.told, 0

    for told in (
        (*events[:last], replace(events[last], commitment=b"z" * 32), *events[last + 1 :]),
        (*events[:last], replace(events[last], member=1), *events[last:]),
    ):
        found = audit_run(Lying(told), 1, finished.checkpoint, finished.plan, ledger.account)
        assert [one.verdict for one in found.rounds] == ["verified", "failed", "failed"]
        assert "other commitments" in found.rounds[1].reason


def test_members_that_got_another_account_are_audited_under_the_one_they_had(tmp_path):
    played = Played(tmp_path)
    played.final()
    key = bytes(31) + b"\x63"
    request = td.sign_join_request(key, 1337, played.ledgers[0].contract, b"q" * 32, "", played.now + 100)
    number = played.ledgers[0].propose_replacement(2, request)
    played.ledgers[1].vote(number, yes=True)
    played.final([0, 1])
    found = audit(played)
    assert [one.verdict for one in found.rounds] == ["verified", "verified"]
    assert played.ledgers[2].account in found.rounds[0].contributors
