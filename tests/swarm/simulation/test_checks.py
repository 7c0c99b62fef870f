"""The checks of the simulator see what they are there for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wsi_swarm.swarm.protocol.events import Commit, Note, SaveUpdate, Send
from wsi_swarm.swarm.protocol.message import Propose
from wsi_swarm.swarm.simulation.checks import BrokenError
from wsi_swarm.swarm.simulation.faults import Faults, Outage
from wsi_swarm.swarm.simulation.setting import Setting
from wsi_swarm.swarm.simulation.world import Simulation


def tampered(seed: int, change):
    """Return a simulation in which ``change(simulation, member, action)`` stands in for each action."""
    simulation = Simulation(seed, Setting(rounds=2))
    watch = simulation.checks.acted
    simulation.checks.acted = lambda member, round_, base, action: watch(
        member, round_, base, change(simulation, member, action)
    )
    return simulation


def test_two_signed_roots_of_an_honest_member_are_seen():
    def change(simulation, member, action):
        if isinstance(action, Send) and isinstance(action.message, Propose) and action.to == 2:
            return replace(action, message=replace(action.message, merged_root=bytes(32)))
        return action

    with pytest.raises(BrokenError, match="signed two roots"):
        tampered(1, change).run()


def test_a_commitment_before_its_update_is_on_the_disk_is_seen():
    with pytest.raises(BrokenError, match="before its update was on the disk"):
        tampered(1, lambda s, m, action: Note("slow", m, "") if isinstance(action, SaveUpdate) else action).run()


def test_two_commitments_in_one_round_are_seen():
    simulation = Simulation(1, Setting(rounds=1)).run()
    state = simulation.run_state
    with pytest.raises(BrokenError, match="committed to two updates"):
        simulation.checks.acted(0, 1, state.terms.base_root, Commit(1, b"\7" * 32))


def test_an_accusation_of_an_honest_member_is_seen():
    simulation = Simulation(1, Setting(rounds=1))
    with pytest.raises(BrokenError, match="accuses the honest member 2"):
        simulation.checks.acted(0, 1, bytes(32), Note("liar", 2, "it lied"))


def test_a_lost_update_of_a_member_whose_disk_was_kept_is_seen():
    simulation = Simulation(1, Setting(rounds=1))
    with pytest.raises(BrokenError, match="lost an update though its disk was kept"):
        simulation.checks.acted(0, 1, bytes(32), Note("lost", 0, "gone"))


def test_a_final_root_that_is_no_merge_is_seen():
    simulation = Simulation(1, Setting(rounds=1))
    simulation.checks._weights = _Heavier()
    with pytest.raises(BrokenError, match="another root than its merge"):
        simulation.run()


class _Heavier(dict):
    """Weights that are not those of the contract."""

    def __getitem__(self, member):
        return super().__getitem__(member) + 5


def test_a_swarm_without_a_quorum_is_stuck_and_says_so():
    outages = tuple(Outage(member, 2.0, None) for member in (0, 1))
    with pytest.raises(BrokenError, match=r"stuck in round \d+ .*members \[2\] wait for ever"):
        Simulation(1, Setting(rounds=2, limit_s=120), Faults(outages=outages)).run()


def test_a_void_round_costs_liveness_only_after_the_last_fault():
    simulation = Simulation(1, Setting(rounds=2)).run()
    first, second = simulation.checks.finals
    assert simulation.checks.longest_wait(first - 1.0, simulation.now) == max(1.0, second - first)
    assert simulation.checks.longest_wait(second, simulation.now) == 0.0
