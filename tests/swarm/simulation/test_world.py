"""Whole swarms on virtual time: what a single fault may cost, and that all end with the model on the chain."""

from __future__ import annotations

import random

import pytest

from wsi_swarm.swarm.ledger.base import Committed, Final, Phase, Void
from wsi_swarm.swarm.merge.whole import MergePlan
from wsi_swarm.swarm.simulation.clock import START
from wsi_swarm.swarm.simulation.faults import Faults, Outage
from wsi_swarm.swarm.simulation.lies import LIARS
from wsi_swarm.swarm.simulation.network import Weather
from wsi_swarm.swarm.simulation.setting import Setting
from wsi_swarm.swarm.simulation.world import Simulation
from wsi_swarm.swarm.state.chunks import CHUNK_BYTES, root_of


def events(simulation, kind):
    return [event for event in simulation.contract.log if isinstance(event, kind)]


def check_end(simulation, honest) -> None:
    """All rounds are final, and every honest member holds the byte-identical model of the chain."""
    state = simulation.run_state
    assert state.phase is Phase.FINISHED, f"seed {simulation.seed}: stopped in round {state.round}"
    assert len(simulation.checks.finals) == simulation.setting.rounds
    for member in honest:
        assert simulation.record.models[member].root == state.base_root, f"seed {simulation.seed}: member {member}"
        assert root_of(simulation.record.models[member].to_bytes()) == state.base_root


@pytest.mark.parametrize("members", [2, 3, 5])
@pytest.mark.parametrize("seed", range(12))
def test_a_lost_goodbye_costs_no_deadline(seed, members):
    """Who missed a last `Have` asks again, and the others are still there to answer."""
    simulation = Simulation(seed, Setting(members=members, rounds=2), Faults(Weather(loss=0.05))).run()
    check_end(simulation, range(members))
    setting = simulation.setting
    took = simulation.now - max(simulation.record.adopted_at.values())
    assert took < setting.reveal_s + setting.attest_s


@pytest.mark.parametrize("members", [2, 3, 5, 8])
@pytest.mark.parametrize("seed", range(4))
def test_without_faults_everybody_contributes_to_every_round(seed, members):
    simulation = Simulation(seed, Setting(members=members, rounds=3)).run()
    check_end(simulation, range(members))
    assert [final.contributors for final in events(simulation, Final)] == [frozenset(range(members))] * 3
    assert simulation.record.notes == []
    assert simulation.record.left == set(range(members))


def test_same_seed_same_story():
    first, second = (Simulation(7, faults=Faults(Weather(loss=0.1))).run() for _ in range(2))
    assert first.contract.log == second.contract.log
    assert first.now == second.now


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("damage", ["none", "update", "model", "all"])
def test_a_crash_and_restart_at_any_moment_stops_nobody(seed, damage):
    chance = random.Random(seed)
    members = chance.choice([3, 4, 5])
    victim = chance.randrange(members)
    outage = Outage(victim, chance.uniform(0.0, 14.0), chance.choice([0.1, 1.0, 6.0]), damage)
    simulation = Simulation(
        seed, Setting(members=members, rounds=5), Faults(Weather(loss=0.02), outages=(outage,))
    ).run()
    check_end(simulation, range(members))


@pytest.mark.parametrize("seed", range(20))
def test_a_member_that_dies_for_good_costs_one_commit_deadline_at_most(seed):
    chance = random.Random(seed)
    victim, setting = chance.randrange(3), Setting(rounds=6)
    undisturbed = Simulation(seed, setting).run()
    at = chance.uniform(1.0, undisturbed.now - START - 1.0)
    simulation = Simulation(seed, setting, Faults(outages=(Outage(victim, at, None),))).run()
    check_end(simulation, {0, 1, 2} - {victim})
    assert not events(simulation, Void)
    lost = simulation.now - undisturbed.now
    # one deadline for the commit it does not make or the reveal and proposal that it owes; the rest is the goodbye
    assert lost <= setting.commit_s + setting.reveal_s + setting.attest_s / 4 + setting.reveal_s + setting.attest_s


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("lie", sorted(LIARS))
def test_one_liar_is_named_and_stops_nobody(seed, lie):
    liar = seed % 3
    simulation = Simulation(seed, Setting(rounds=4), Faults(lies={liar: lie})).run()
    honest = {0, 1, 2} - {liar}
    check_end(simulation, honest)
    assert not events(simulation, Void)
    assert {note.member for who, note in simulation.record.notes if who in honest} <= {liar}
    named = {(who, note.kind) for who, note in simulation.record.notes if note.member == liar}
    kind = {"wrong-reveal": "liar", "wrong-merge": "liar", "wrong-chunks": "liar", "mute": "silent", "unfit": "refused"}
    if lie in kind:
        assert named >= {(who, kind[lie]) for who in honest}
    for final in events(simulation, Final):
        assert final.contributors >= honest


def test_a_liar_costs_less_each_round():
    simulation = Simulation(3, Setting(rounds=6), Faults(lies={0: "mute"})).run()
    closed = [e for e in simulation.contract.log if isinstance(e, Committed | Final)]
    assert len(closed) > 6
    assert simulation.now - START < 6 * 6 + 2 * simulation.setting.reveal_s + 14  # rounds, 6+3+1.5+.. s, the goodbye


@pytest.mark.parametrize("seed", range(6))
def test_a_late_member_fetches_the_model_and_takes_part(seed):
    simulation = Simulation(seed, Setting(rounds=8, enrol_s=2), Faults(starts_late={2: 9.0})).run()
    check_end(simulation, {0, 1, 2})
    contributors = [final.contributors for final in events(simulation, Final)]
    assert contributors[0] == {0, 1}
    assert contributors[-1] == {0, 1, 2}


@pytest.mark.parametrize("seed", range(6))
def test_a_member_too_slow_for_the_commit_phase_costs_one_deadline_not_one_per_round(seed):
    setting = Setting(rounds=12)
    undisturbed = Simulation(seed, setting).run()
    simulation = Simulation(seed, setting, Faults(train_s={1: 12.0})).run()
    check_end(simulation, {0, 1, 2})
    assert simulation.now - undisturbed.now < setting.commit_s + 12 + setting.reveal_s + setting.attest_s
    assert any(note.kind == "slow" for who, note in simulation.record.notes if who == 1)


@pytest.mark.parametrize("seed", range(10))
def test_a_lossy_network_delays_but_does_not_stop(seed):
    simulation = Simulation(seed, Setting(members=4, rounds=4), Faults(Weather(loss=0.1, delay_s=(0.01, 0.4)))).run()
    check_end(simulation, range(4))


def test_a_model_of_several_chunks_survives_loss():
    setting = Setting(size=3 * CHUNK_BYTES // 4 + 1000, rounds=2)
    simulation = Simulation(1, setting, Faults(Weather(loss=0.05))).run()
    check_end(simulation, range(3))


def test_with_two_of_three_gone_the_run_waits_in_voids_and_goes_on_when_one_comes_back():
    outages = (Outage(0, 6.0, 60.0), Outage(1, 6.5, None))
    simulation = Simulation(5, Setting(rounds=4), Faults(outages=outages)).run()
    check_end(simulation, {0, 2})
    voids = events(simulation, Void)
    assert voids
    assert all(void.round < events(simulation, Final)[-1].round for void in voids)


def test_a_void_round_is_not_trained_again():
    outages = (Outage(0, 2.5, 40.0), Outage(1, 2.5, 40.0))
    simulation = Simulation(2, Setting(rounds=2), Faults(outages=outages)).run()
    check_end(simulation, range(3))
    assert events(simulation, Void)
    assert len(simulation.record.trainings) == len(set(simulation.record.trainings))


def test_equal_weights_are_another_model_than_patients():
    roots = set()
    for weighted in (True, False):
        simulation = Simulation(4, Setting(rounds=2, merge=MergePlan(weighted=weighted))).run()
        check_end(simulation, range(3))
        roots.add(simulation.run_state.base_root)
    assert len(roots) == 2


@pytest.mark.parametrize("seed", range(6))
def test_a_member_voted_out_in_the_middle_leaves_and_the_others_go_on(seed):
    simulation = Simulation(seed, Setting(members=4, rounds=5), Faults(removals={1: 5.0 + seed})).run()
    check_end(simulation, {0, 2, 3})
    assert events(simulation, Final)[-1].contributors == {0, 2, 3}
    assert 1 in simulation.record.left
