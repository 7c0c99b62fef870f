"""The simulated chain: blocks, confirmations, stalls, silent nodes and reorganisations."""

from __future__ import annotations

import random

import pytest

from wsi_swarm.swarm.ledger.base import Candidate, RunTerms
from wsi_swarm.swarm.ledger.typed_data import account_of
from wsi_swarm.swarm.simulation.chain import RUN, Chain, ChainPlan, Window, copy_of
from wsi_swarm.swarm.simulation.clock import Clock

TERMS = RunTerms(b"\1" * 32, b"\2" * 32, 3, 2, 10, 10, 10, 100)


def chain_of(plan: ChainPlan, seed: int = 0):
    """Return a clock, and a chain with two members and an open run."""
    clock, accounts = Clock(), [account_of(bytes(31) + bytes([i])) for i in (1, 2)]
    founders = [Candidate(account, account.encode()[:32], bytes(32)) for account in accounts]
    chain = Chain(founders, clock, random.Random(seed), plan, lambda contract: None)
    chain.at_once(0, lambda ledger: ledger.propose_run(TERMS))
    chain.at_once(1, lambda ledger: ledger.vote(1, yes=True))
    return clock, chain


def pass_time(clock: Clock, until: float) -> None:
    while clock.step(until):
        pass


def enrol(chain: Chain, member: int, told: list) -> None:
    chain.submit(member, lambda ledger: ledger.enrol(RUN, 1), lambda refusal: told.append((member, refusal)))


@pytest.mark.parametrize("block_s", [0.0, 2.0])
def test_a_transaction_is_told_when_it_is_final(block_s):
    clock, chain = chain_of(ChainPlan(block_s, 2 if block_s else 0))
    told: list = []
    enrol(chain, 0, told)
    enrol(chain, 1, told)
    pass_time(clock, 20.0)
    assert sorted(told) == [(0, None), (1, None)]
    assert chain.seen_by(0).state.round == 1


def test_readers_see_nothing_that_can_still_be_replaced():
    clock, chain = chain_of(ChainPlan(1.0, 3))
    enrol(chain, 0, [])
    pass_time(clock, 2.5)
    assert chain.contract.run_state(RUN).enrolled == {0}
    assert chain.seen_by(0).state.enrolled == frozenset()
    pass_time(clock, 6.5)
    assert chain.seen_by(0).state.enrolled == {0}


@pytest.mark.parametrize("seed", range(10))
def test_a_reorganisation_loses_no_transaction(seed):
    clock, chain = chain_of(ChainPlan(1.0, 3, reorgs=((2.2, 2), (3.4, 3))), seed)
    told: list = []
    enrol(chain, 0, told)
    enrol(chain, 1, told)
    pass_time(clock, 15.0)
    assert sorted(told) == [(0, None), (1, None)]
    assert chain.seen_by(1).state.enrolled == {0, 1}


def test_what_is_final_stays_in_every_reorganisation():
    clock, chain = chain_of(ChainPlan(1.0, 2, reorgs=tuple((4.1 + i, 2) for i in range(8))))
    enrol(chain, 0, [])
    seen = []
    while clock.step(14.0):
        seen.append((len(chain.seen_by(0).state.enrolled), chain.seen_by(0).state.chain_time))
    assert seen == sorted(seen)


def test_a_stalled_chain_takes_up_again_what_waits():
    clock, chain = chain_of(ChainPlan(stalls=(Window(0.0, 30.0), Window(29.0, 40.0))))
    told: list = []
    enrol(chain, 0, told)
    pass_time(clock, 39.0)
    assert told == []
    pass_time(clock, 41.0)
    assert told == [(0, None)]


def test_a_silent_node_answers_nothing_but_the_others_do():
    clock, chain = chain_of(ChainPlan(blinds=((0, Window(0.0, 5.0)),)))
    told: list = []
    enrol(chain, 0, told)
    assert chain.seen_by(0) is None
    assert chain.seen_by(1) is not None
    pass_time(clock, 4.0)
    assert told == [(0, "UnreachableError")]


def test_a_refusal_is_told_by_its_code():
    clock, chain = chain_of(ChainPlan())
    told: list = []
    chain.submit(0, lambda ledger: ledger.poke(RUN), told.append)
    pass_time(clock, 3.0)
    assert told == ["NothingToPoke"]


def test_a_copy_goes_on_by_itself():
    _, chain = chain_of(ChainPlan())
    twin = copy_of(chain.contract)
    twin.enrol(twin.member_list[0].account, RUN, 7)
    assert twin.run_state(RUN).weights == {0: 7}
    assert chain.contract.run_state(RUN).weights == {}
    assert len(twin.log) > len(chain.contract.log)
