"""Random histories on contract and model: same refusals, events and state; and what must always hold."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import Phase as Stage
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from wsi_swarm.swarm.ledger import decode
from wsi_swarm.swarm.ledger.base import Committed, Final, Phase, RunTerms, Void, quorum

PEOPLE = st.integers(0, 5)
SETS = st.frozensets(st.integers(0, 5), max_size=6)
ROOTS = st.sampled_from([b"\1" * 32, b"\2" * 32, bytes(32)])
TERMS = st.builds(
    RunTerms,
    config_hash=st.just(b"c" * 32),
    base_root=st.just(b"b" * 32),
    rounds=st.integers(0, 3),
    min_peers=st.integers(1, 3),
    enrol_seconds=st.just(20),
    commit_seconds=st.sampled_from([5, 20]),
    attest_seconds=st.sampled_from([5, 20]),
    max_weight=st.just(3),
)


def machine(twin: Any) -> type[RuleBasedStateMachine]:
    class Histories(RuleBasedStateMachine):
        swarm: Any

        @initialize(founders=st.integers(1, 4), terms=TERMS)
        def found(self, founders: int, terms: RunTerms) -> None:
            self.swarm = twin(founders, keys=6, voting_seconds=60)
            self.swarm.propose_run(0, terms)
            for who in range(1, founders):
                self.swarm.vote(who, 1, True)

        @rule(seconds=st.sampled_from([1, 5, 19, 20, 60]))
        def wait(self, seconds: int) -> None:
            self.swarm.now += seconds

        @rule(who=PEOPLE, joining=st.integers(1, 5), expiry=st.sampled_from([1, 30, 500]), forged=st.booleans())
        def propose_member(self, who: int, joining: int, expiry: int, forged: bool) -> None:
            self.swarm.propose_member(who, self.swarm.request(joining, self.swarm.now + expiry, forged=forged))

        @rule(who=PEOPLE, member=PEOPLE)
        def propose_removal(self, who: int, member: int) -> None:
            self.swarm.propose_removal(who, member)

        @rule(who=PEOPLE, terms=TERMS)
        def propose_run(self, who: int, terms: RunTerms) -> None:
            self.swarm.propose_run(who, terms)

        @rule(who=PEOPLE, back=st.integers(0, 3), yes=st.booleans())
        def vote(self, who: int, back: int, yes: bool) -> None:
            self.swarm.vote(who, max(0, len(self.swarm.model.votes) - back), yes)

        @rule(back=st.integers(0, 1))
        def all_vote_yes(self, back: int) -> None:
            for who in range(6):
                self.swarm.vote(who, max(0, len(self.swarm.model.votes) - back), True)

        @rule(who=PEOPLE, run=st.integers(0, 2), weight=st.integers(0, 4))
        def enrol(self, who: int, run: int, weight: int) -> None:
            self.swarm.enrol(who, run, weight)

        @precondition(lambda self: self.swarm.model.runs)
        @rule(who=SETS)
        def several_enrol(self, who: frozenset[int]) -> None:
            for one in sorted(who):
                self.swarm.enrol(one, len(self.swarm.model.runs), 1)

        @precondition(lambda self: self.swarm.model.runs)
        @rule(who=SETS, shift=st.sampled_from([0, 0, 0, 1]), commitment=ROOTS)
        def several_commit(self, who: frozenset[int], shift: int, commitment: bytes) -> None:
            run = len(self.swarm.model.runs)
            for one in sorted(who):
                self.swarm.commit(one, run, self.swarm.model.run_state(run).round + shift, commitment)

        @precondition(lambda self: self.swarm.model.runs)
        @rule(who=PEOPLE, data=st.data(), root=ROOTS)
        def finalise(self, who: int, data: st.DataObject, root: bytes) -> None:
            run = len(self.swarm.model.runs)
            state = self.swarm.model.run_state(run)
            known = frozenset(range(len(self.swarm.model.member_list)))
            contributors = data.draw(st.one_of(st.just(state.committed), SETS))
            signers = data.draw(st.one_of(st.just(state.committed), SETS.map(lambda s: s & known)))
            signed_root = data.draw(st.sampled_from([root, root, root, b"\3" * 32]))
            signatures = self.swarm.attest(run, contributors, signed_root, signers)
            self.swarm.finalise(who, run, state.round, contributors, root, signatures)

        @rule(who=PEOPLE, run=st.integers(0, 2))
        def poke(self, who: int, run: int) -> None:
            self.swarm.poke(who, run)

        @invariant()
        def contract_and_model_agree(self) -> None:
            if hasattr(self, "swarm"):
                self.swarm.compare()

        @invariant()
        def no_final_without_quorum_and_one_final_root_per_round(self) -> None:
            if not hasattr(self, "swarm"):
                return
            log = self.swarm.model.log
            ends = Counter((e.run, e.round) for e in log if isinstance(e, Final | Void))
            assert all(count == 1 for count in ends.values())
            for final in (e for e in log if isinstance(e, Final)):
                there = {
                    e.member for e in log if isinstance(e, Committed) and (e.run, e.round) == (final.run, final.round)
                }
                least = self.swarm.model.runs[final.run - 1].terms.min_peers
                assert final.attesters <= there
                assert final.contributors <= there
                assert len(final.attesters) >= quorum(len(there), least)

        @invariant()
        def every_round_can_be_ended_after_its_deadlines(self) -> None:
            if not hasattr(self, "swarm"):
                return
            member = self.swarm.model.member_list[min(self.swarm.model.active)]
            who = self.swarm.accounts.index(member.account)
            for run in range(1, len(self.swarm.model.runs) + 1):
                state = self.swarm.model.run_state(run)
                if state.round == 0 or state.phase is Phase.FINISHED:
                    continue
                later = self.swarm.now + state.terms.commit_seconds + state.terms.attest_seconds
                assert self.swarm.would_revert(who, decode.call_data("poke", run), later) is None

    return Histories


CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def test_random_histories(twin: Any) -> None:
    # No shrinking: it would take minutes, and the long test does it.
    moderate = settings(
        max_examples=15,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=CHECKS,
        phases=[Stage.explicit, Stage.reuse, Stage.generate],
    )
    run_state_machine_as_test(machine(twin), settings=moderate)


@pytest.mark.slow
def test_many_long_random_histories(twin: Any) -> None:
    long = settings(max_examples=150, stateful_step_count=60, deadline=None, suppress_health_check=CHECKS)
    run_state_machine_as_test(machine(twin), settings=long)
