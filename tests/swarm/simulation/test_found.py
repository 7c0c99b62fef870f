"""Seeds that once broke the swarm, each with its cause: they must hold for ever."""

from __future__ import annotations

import pytest

from wsi_swarm.swarm.ledger.base import Final
from wsi_swarm.swarm.simulation.campaign import play
from wsi_swarm.swarm.simulation.chain import ChainPlan
from wsi_swarm.swarm.simulation.faults import Faults, Outage
from wsi_swarm.swarm.simulation.setting import Setting
from wsi_swarm.swarm.simulation.world import Simulation


@pytest.mark.parametrize("tenths", range(0, 60, 2))
@pytest.mark.parametrize("chain", [ChainPlan(), ChainPlan(1.0, 2)])
def test_a_power_cut_at_all_members_loses_no_final_model(tenths, chain):
    """Whoever attested holds the merge on its disk before its signature is seen (found by seed 257).

    With confirmations the members start again before they see the block that makes it final (found by seed 200365).
    """
    setting = Setting(rounds=3, commit_s=20, reveal_s=16, attest_s=18)
    outages = tuple(Outage(member, 2.0 + tenths * (1 + chain.block_s) / 10, 1.0 + member) for member in range(3))
    simulation = Simulation(tenths, setting, Faults(chain=chain, outages=outages)).run()
    assert len(simulation.checks.finals) == setting.rounds


@pytest.mark.parametrize("seed", range(4))
def test_a_false_signature_of_a_merge_known_to_be_signed_is_not_bundled(seed):
    """A good proposal and then a bad attestation made every bundle of the others invalid."""
    simulation = Simulation(seed, Setting(members=4, rounds=4), Faults(lies={seed: "poison"})).run()
    assert simulation.checks.voids == 0


def test_a_reveal_from_the_future_makes_nobody_look_at_the_chain_for_ever():
    """Each reveal of a round to come was heard again at every look, and asked for the next look (seed 404)."""
    simulation = Simulation(404, Setting(members=4, rounds=3), Faults(lies={1: "babble"})).run()
    assert simulation.record.looks < 20 * simulation.clock.passed * simulation.setting.members


@pytest.mark.parametrize(
    ("seed", "names"),
    [(257, ("crash", "delay")), (404, ("lie", "reorg", "slow", "torn")), (54, ("crash", "equivocate"))],
)
def test_a_seed_that_once_broke_holds(seed, names):
    verdict = play(seed, names)
    assert verdict.broken is None, verdict.command


@pytest.mark.parametrize("seed", range(6))
def test_a_proposer_cannot_leave_out_whom_the_others_have_heard_in_time(seed):
    """Attesters took any merge once the time to reveal was over, also without an update that they held."""
    lies = {1: "mute", 3: "exclude"}
    simulation = Simulation(seed, Setting(members=5, rounds=1), Faults(lies=lies)).run()
    (final,) = (event for event in simulation.contract.log if isinstance(event, Final))
    assert final.contributors == {0, 2, 3, 4}
