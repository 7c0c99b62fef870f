"""The audit: passes on what a member kept of a run, and names whatever was changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from wsi_swarm.swarm.ledger.base import Final
from wsi_swarm.swarm.merge.whole import MergePlan
from wsi_swarm.swarm.node.checkpoint import Checkpoint
from wsi_swarm.swarm.oversight.audit import Audit, audit_run, summary
from wsi_swarm.swarm.simulation.world import Faults, Outage, Setting, Simulation

if TYPE_CHECKING:
    from pathlib import Path


def keep(simulation: Simulation, member: int, folder: Path) -> Checkpoint:
    """Write what a member kept, as its node does."""
    checkpoint = Checkpoint(folder / str(member), simulation.contract.address, 1)
    checkpoint.keep_model(simulation.initial)
    for model in simulation.adopted[member]:
        checkpoint.keep_model(model)
    for (keeper, round_, owner), blob in simulation.kept.items():
        if keeper == member:
            account = simulation.ledgers[owner].account
            checkpoint.keep_update(round_, account, simulation.reveals[round_, owner], blob)
    return checkpoint


def audit(simulation: Simulation, member: int, checkpoint: Checkpoint, weighted: bool = True) -> Audit:
    ledger = simulation.ledgers[member]
    return audit_run(ledger, 1, checkpoint, MergePlan(weighted=weighted), ledger.account)


@pytest.fixture(scope="module")
def finished() -> Simulation:
    return Simulation(1, Setting(rounds=3)).run()


def test_every_member_re_derives_every_round(finished, tmp_path):
    for member in range(3):
        found = audit(finished, member, keep(finished, member, tmp_path))
        assert found.passed
        assert [one.verdict for one in found.rounds] == ["verified"] * 3
        assert found.rounds[-1].root == finished.run_state.base_root.hex()
    lines = summary(found, {finished.ledgers[0].account: "centre-a"})
    assert "3 of 3 final rounds re-derived" in lines[-1]
    assert "centre-a" in lines[0]


@pytest.mark.parametrize("where", [0, 40, -1])
def test_a_flipped_bit_in_an_update_names_round_and_member(finished, tmp_path, where):
    checkpoint = keep(finished, 0, tmp_path)
    account = finished.ledgers[2].account
    path = checkpoint.update_path(2, account)
    blob = bytearray(path.read_bytes())
    blob[where] ^= 1
    path.write_bytes(bytes(blob))
    found = audit(finished, 0, checkpoint)
    assert not found.passed
    assert [one.verdict for one in found.rounds] == ["verified", "failed", "verified"]
    assert account in found.rounds[1].reason
    assert "re-derived" not in summary(found, {})[-1]


def test_a_changed_salt_a_changed_model_and_other_weights_fail(finished, tmp_path):
    checkpoint = keep(finished, 0, tmp_path)
    assert [one.verdict for one in audit(finished, 0, checkpoint, weighted=False).rounds] == ["failed"] * 3
    path = checkpoint.update_path(1, finished.ledgers[1].account).with_suffix(".json")
    path.write_text(json.dumps({"flags": 0, "salt": "00" * 32}))
    model = checkpoint.folder / "models" / f"{finished.adopted[0][-1].root.hex()}.state"
    base = checkpoint.folder / "models" / f"{finished.adopted[0][-2].root.hex()}.state"
    model.unlink()  # the last model is nobody's base, the one before it is that of round 3
    base.write_bytes(base.read_bytes() + b"x")
    found = audit(finished, 0, checkpoint)
    assert [one.verdict for one in found.rounds] == ["failed", "verified", "failed"]
    assert "does not hash to its name" in found.rounds[2].reason


def test_what_an_attester_no_longer_has_is_a_failure(finished, tmp_path):
    checkpoint = keep(finished, 0, tmp_path)
    final = next(e for e in finished.contract.log if isinstance(e, Final) and 0 in e.attesters)
    checkpoint.update_path(final.round, finished.ledgers[1].account).unlink()
    found = audit(finished, 0, checkpoint)
    assert next(one for one in found.rounds if one.round == final.round).verdict == "failed"
    assert "attested" in next(one for one in found.rounds if one.round == final.round).reason


def test_rounds_in_which_a_member_was_away_are_not_kept_and_voids_are_listed(tmp_path):
    outages = (Outage(0, 3.0, 20.0), Outage(1, 3.0, 45.0))
    simulation = Simulation(3, Setting(rounds=12), Faults(outages=outages)).run()
    found = audit(simulation, 1, keep(simulation, 1, tmp_path))
    verdicts = [one.verdict for one in found.rounds]
    assert found.passed
    assert set(verdicts) >= {"void", "not kept", "verified"}
    assert "not kept here" in summary(found, {})[-1]
