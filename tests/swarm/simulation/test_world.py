"""Whole swarms on virtual time: what a single fault may cost, and that all end with the model on the chain."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from wsi_swarm.swarm.ledger.base import Committed, Enrolled, Final, Phase, Void
from wsi_swarm.swarm.merge.mean import Contribution, weighted_mean
from wsi_swarm.swarm.protocol.message import (
    Attest,
    Chunk,
    Have,
    Lack,
    Offer,
    Propose,
    Reveal,
    WantChunks,
    WantManifest,
    WantReveal,
)
from wsi_swarm.swarm.simulation.world import (
    Faults,
    Outage,
    Setting,
    Simulation,
    mute,
    no_proposal,
    wrong_chunks,
    wrong_merge,
    wrong_reveal,
)
from wsi_swarm.swarm.state.chunks import CHUNK_BYTES, manifest_of, root_of
from wsi_swarm.swarm.state.encoding import from_bytes

if TYPE_CHECKING:
    from wsi_swarm.swarm.protocol.events import Send


def events(simulation, kind):
    return [event for event in simulation.contract.log if isinstance(event, kind)]


def check_end(simulation, honest) -> None:
    """All rounds are final, and every honest member holds the byte-identical model of the chain."""
    state = simulation.run_state
    assert state.phase is Phase.FINISHED, f"seed {simulation.seed}: stopped in round {state.round}"
    assert len(events(simulation, Final)) == simulation.setting.rounds
    for member in honest:
        assert simulation.models[member].root == state.base_root, f"seed {simulation.seed}: member {member}"
        assert root_of(simulation.models[member].to_bytes()) == state.base_root
    for (member, round_), sent in simulation.commitments.items():
        assert len(sent) == 1, f"seed {simulation.seed}: member {member} committed twice in round {round_}"


def check_merges(simulation, weighted=True) -> None:
    """Every final root is the merge of what its contributors committed to, as re-derived here."""
    base = simulation.initial
    weights = {event.member: event.weight if weighted else 1 for event in events(simulation, Enrolled)}
    for final in events(simulation, Final):
        parts = []
        for member in final.contributors:
            blobs = {blob for (_, r, m), blob in simulation.kept.items() if (r, m) == (final.round, member)}
            assert len(blobs) == 1, "two members kept different updates of the same member and round"
            parts.append(Contribution(str(member), weights[member], from_bytes(blobs.pop())))
        base = weighted_mean(base, parts)
        assert base.root == final.merged_root


@pytest.mark.parametrize("members", [2, 3, 5])
@pytest.mark.parametrize("seed", range(12))
def test_a_lost_goodbye_costs_no_deadline(seed, members):
    """Who missed a last `Have` asks again, and the others are still there to answer."""
    simulation = Simulation(seed, Setting(members=members, rounds=2), Faults(loss=0.05)).run()
    check_end(simulation, range(members))
    setting = simulation.setting
    took = simulation.now - max(simulation.adopted_at.values())
    assert took < setting.reveal_s + setting.attest_s


@pytest.mark.parametrize("members", [2, 3, 5, 8])
@pytest.mark.parametrize("seed", range(4))
def test_without_faults_everybody_contributes_to_every_round(seed, members):
    simulation = Simulation(seed, Setting(members=members, rounds=3)).run()
    check_end(simulation, range(members))
    check_merges(simulation)
    assert [final.contributors for final in events(simulation, Final)] == [frozenset(range(members))] * 3
    assert simulation.notes == []
    assert simulation.left == set(range(members))


def test_same_seed_same_story():
    first, second = (Simulation(7, faults=Faults(loss=0.1)).run() for _ in range(2))
    assert first.contract.log == second.contract.log
    assert first.now == second.now


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("keeps_disk", [True, False])
def test_a_crash_and_restart_at_any_moment_stops_nobody(seed, keeps_disk):
    chance = random.Random(seed)
    members = chance.choice([3, 4, 5])
    victim = chance.randrange(members)
    outage = Outage(victim, chance.uniform(0.0, 14.0), chance.choice([0.1, 1.0, 6.0]), keeps_disk)
    simulation = Simulation(seed, Setting(members=members, rounds=5), Faults(outages=(outage,), loss=0.02)).run()
    check_end(simulation, range(members))
    check_merges(simulation)


@pytest.mark.parametrize("seed", range(20))
def test_a_member_that_dies_for_good_costs_one_commit_deadline_at_most(seed):
    chance = random.Random(seed)
    victim, setting = chance.randrange(3), Setting(rounds=6)
    undisturbed = Simulation(seed, setting).run()
    at = chance.uniform(1.0, undisturbed.now - 1_000.0 - 1.0)
    simulation = Simulation(seed, setting, Faults(outages=(Outage(victim, at, None),))).run()
    check_end(simulation, {0, 1, 2} - {victim})
    assert not events(simulation, Void)
    lost = simulation.now - undisturbed.now
    # one deadline for the commit it does not make or the reveal and proposal that it owes; the rest is the goodbye
    assert lost <= setting.commit_s + setting.reveal_s + setting.attest_s / 4 + setting.reveal_s + setting.attest_s


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    ("lie", "kind"),
    [(wrong_reveal, "liar"), (wrong_merge, "liar"), (wrong_chunks, "liar"), (mute, "silent"), (no_proposal, None)],
)
def test_one_liar_is_named_and_stops_nobody(seed, lie, kind):
    liar = seed % 3
    simulation = Simulation(seed, Setting(rounds=4), Faults(lies={liar: lie})).run()
    honest = {0, 1, 2} - {liar}
    check_end(simulation, honest)
    check_merges(simulation)
    assert not events(simulation, Void)
    named = {(who, note.kind) for who, note in simulation.notes if note.member == liar}
    assert {note.member for who, note in simulation.notes if who in honest} <= {liar}
    if kind is not None:
        assert named >= {(who, kind) for who in honest}
    for final in events(simulation, Final):
        # a wrong merge or a missing proposal spoils nobody's update; the other faults leave the liar's own out
        assert final.contributors == (frozenset(honest) if lie not in (wrong_merge, no_proposal) else {0, 1, 2})


def test_a_liar_costs_less_each_round():
    simulation = Simulation(3, Setting(rounds=6), Faults(lies={0: mute})).run()
    closed = [e for e in simulation.contract.log if isinstance(e, Committed | Final)]
    assert len(closed) > 6
    assert simulation.now - 1_000 < 6 * 6 + 2 * simulation.setting.reveal_s + 14  # rounds, 6+3+1.5+.. s, the goodbye


@pytest.mark.parametrize("seed", range(6))
def test_a_late_member_fetches_the_model_and_takes_part(seed):
    simulation = Simulation(seed, Setting(rounds=8, enrol_s=2), Faults(starts_late={2: 9.0})).run()
    check_end(simulation, {0, 1, 2})
    check_merges(simulation)
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
    assert any(note.kind == "slow" for who, note in simulation.notes if who == 1)


@pytest.mark.parametrize("seed", range(10))
def test_a_lossy_network_delays_but_does_not_stop(seed):
    simulation = Simulation(seed, Setting(members=4, rounds=4), Faults(loss=0.1, delay_s=(0.01, 0.4))).run()
    check_end(simulation, range(4))
    check_merges(simulation)


def test_a_model_of_several_chunks_survives_loss():
    setting = Setting(size=3 * CHUNK_BYTES // 4 + 1000, rounds=2)
    simulation = Simulation(1, setting, Faults(loss=0.05)).run()
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
    check_merges(simulation)
    assert len(simulation.trainings) == len(set(simulation.trainings))


def test_equal_weights_are_another_model_than_patients():
    roots = set()
    for weighted in (True, False):
        simulation = Simulation(4, Setting(rounds=2, weighted=weighted)).run()
        check_end(simulation, range(3))
        check_merges(simulation, weighted)
        roots.add(simulation.run_state.base_root)
    assert len(roots) == 2


@pytest.mark.parametrize("seed", range(6))
def test_a_member_voted_out_in_the_middle_leaves_and_the_others_go_on(seed):
    simulation = Simulation(seed, Setting(members=4, rounds=5), Faults(removals={1: 5.0 + seed})).run()
    check_end(simulation, {0, 2, 3})
    check_merges(simulation)
    assert events(simulation, Final)[-1].contributors == {0, 2, 3}
    assert 1 in simulation.left


def babble(seed: int):
    """Return a lie: instead of each message, something of the right form that makes no sense."""
    chance = random.Random(seed)

    def word() -> bytes:
        return chance.choice([bytes(32), chance.randbytes(32)])

    def members() -> frozenset[int]:
        return frozenset(chance.sample(range(256), chance.randrange(4))) | frozenset(range(chance.randrange(4)))

    def lie(send: Send) -> Send:
        manifest = manifest_of(chance.randbytes(10))
        nonsense = [
            Reveal(chance.randrange(256), chance.randrange(2**32), word(), manifest),
            WantReveal(chance.randrange(256)),
            WantManifest(word()),
            Offer(manifest),
            WantChunks(word(), tuple(chance.randrange(9) for _ in range(8))),
            Chunk(word(), chance.randrange(4), chance.randbytes(9)),
            Lack(word()),
            Propose(members(), word(), chance.randbytes(65)),
            Attest(members(), word(), chance.randbytes(65)),
            Have(word()),
            send.message,
        ]
        return replace(send, message=chance.choice(nonsense), round=chance.choice([send.round, 0, 10**9]))

    return lie


@pytest.mark.parametrize("seed", range(12))
def test_a_member_that_babbles_harms_nobody(seed):
    simulation = Simulation(seed, Setting(members=4, rounds=3), Faults(lies={seed % 4: babble(seed)})).run()
    check_end(simulation, set(range(4)) - {seed % 4})
    check_merges(simulation)
