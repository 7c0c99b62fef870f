"""Random histories on contract and model: same refusals, events and state; and what must always hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
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
from wsi_swarm.swarm.ledger.base import (
    Committed,
    Final,
    Phase,
    Rejected,
    RoundOpened,
    RunState,
    RunTerms,
    Struck,
    Void,
    committee,
    quorum,
)

PEOPLE = st.integers(0, 5)
SETS = st.frozensets(PEOPLE, max_size=6)
ROOTS = st.sampled_from([b"\1" * 32, b"\2" * 32, b"\3" * 32, bytes(32)])
SELDOM = st.integers(0, 7).map(lambda n: n == 7)
TERMS = st.builds(
    RunTerms,
    config_hash=st.just(b"c" * 32),
    base_root=st.just(b"b" * 32),
    rounds=st.integers(1, 3),
    min_peers=st.sampled_from([2, 2, 2, 3]),
    enrol_seconds=st.just(20),
    commit_seconds=st.sampled_from([10, 40]),
    attest_seconds=st.sampled_from([10, 40]),
    max_weight=st.just(3),
    committee=st.sampled_from([0, 0, 3, 4]),
)
BAD_TERMS = st.builds(replace, TERMS, rounds=st.just(0)) | st.builds(
    replace, TERMS, min_peers=st.sampled_from([1, 5, 257])
)


def machine(twin: Any) -> type[RuleBasedStateMachine]:
    class Histories(RuleBasedStateMachine):
        swarm: Any

        @initialize(
            founders=st.integers(3, 5), terms=TERMS, enrolled=st.sampled_from([5, 5, 3, 1]), begin=st.booleans()
        )
        def found(self, founders: int, terms: RunTerms, enrolled: int, begin: bool) -> None:
            self.swarm = twin(founders, keys=6, voting_seconds=60)
            self.swarm.propose_run(0, terms)
            for who in range(1, founders // 2 + 1):
                self.swarm.vote(who, 1, True)
            for who in range(enrolled):
                self.swarm.enrol(who, 1, 1)
            if begin:
                self.all_expected_commit()

        @property
        def run(self) -> int:
            return len(self.swarm.model.runs)

        @property
        def state(self) -> RunState:
            return self.swarm.model.run_state(self.run)

        def people(self, members: frozenset[int]) -> list[int]:
            return [self.swarm.accounts.index(self.swarm.model.member_list[m].account) for m in sorted(members)]

        @rule(seconds=st.sampled_from([1, 5, 10, 20, 60]))
        def wait(self, seconds: int) -> None:
            self.swarm.now += seconds

        @rule(who=PEOPLE, joining=PEOPLE, expiry=st.sampled_from([1, 30, 500]), forged=SELDOM)
        def propose_member(self, who: int, joining: int, expiry: int, forged: bool) -> None:
            self.swarm.propose_member(who, self.swarm.request(joining, self.swarm.now + expiry, forged=forged))

        @rule(who=PEOPLE, member=PEOPLE)
        def propose_removal(self, who: int, member: int) -> None:
            self.swarm.propose_removal(who, member)

        @rule(who=PEOPLE, member=PEOPLE, joining=PEOPLE, forged=SELDOM)
        def propose_replacement(self, who: int, member: int, joining: int, forged: bool) -> None:
            request = self.swarm.request(joining, self.swarm.now + 100, forged=forged, curve_key=bytes([9 + who]) * 32)
            self.swarm.propose_replacement(who, member, request)

        @precondition(lambda self: len(self.swarm.model.active) > 3)
        @rule(who=PEOPLE)
        def resign(self, who: int) -> None:
            self.swarm.resign(who)

        @rule(who=PEOPLE, key=st.integers(0, 20))
        def rotate_key(self, who: int, key: int) -> None:
            self.swarm.rotate_key(who, key.to_bytes(32), b"e" * 32)

        @rule(who=PEOPLE, terms=TERMS | BAD_TERMS)
        def propose_run(self, who: int, terms: RunTerms) -> None:
            self.swarm.propose_run(who, terms)

        @rule(who=st.permutations(range(6)), voters=st.integers(1, 4), back=SELDOM, yes=SELDOM.map(lambda b: not b))
        def vote(self, who: list[int], voters: int, back: bool, yes: bool) -> None:
            for one in who[:voters]:
                self.swarm.vote(one, max(0, len(self.swarm.model.votes) - back), yes)

        @rule(who=SETS, back=SELDOM, weight=st.sampled_from([1, 1, 1, 1, 0, 2, 4]))
        def enrol(self, who: frozenset[int], back: bool, weight: int) -> None:
            for one in sorted(who):
                self.swarm.enrol(one, max(0, self.run - back), weight)

        @precondition(lambda self: self.run)
        @rule(who=PEOPLE)
        def leave(self, who: int) -> None:
            self.swarm.leave(who, self.run)

        @precondition(lambda self: self.run)
        @rule(who=SETS, shift=SELDOM, first_commit=st.booleans())
        def reject(self, who: frozenset[int], shift: bool, first_commit: bool) -> None:
            if first_commit:
                self.all_expected_commit()
            for one in sorted(who):
                self.swarm.reject(one, self.run, self.state.round + shift)

        @precondition(lambda self: self.run)
        @rule(who=PEOPLE, liar=PEOPLE, roots=st.tuples(ROOTS, ROOTS), framed=SELDOM, commits=st.booleans())
        def report(self, who: int, liar: int, roots: tuple[bytes, bytes], framed: bool, commits: bool) -> None:
            if commits:
                self.all_expected_commit()
            other = (liar + 1) % 6 if framed else None
            self.swarm.report(who, self.run, self.swarm.equivocation(self.run, liar, roots, other))

        @precondition(lambda self: self.run)
        @rule(who=SETS, shift=SELDOM, commitment=ROOTS)
        def commit(self, who: frozenset[int], shift: bool, commitment: bytes) -> None:
            for one in sorted(who):
                self.swarm.commit(one, self.run, self.state.round + shift, commitment)

        @precondition(lambda self: self.run)
        @rule(who=PEOPLE, root=ROOTS)
        def play_a_round(self, who: int, root: bytes) -> None:
            self.all_expected_commit()
            self.finalise_soundly(who, frozenset(), root)

        def all_expected_commit(self) -> None:
            for one in self.people(self.state.expected):
                self.swarm.commit(one, self.run, self.state.round, b"u" * 32)

        @precondition(lambda self: self.run)
        @rule()
        def the_expected_commit(self) -> None:
            self.all_expected_commit()

        @precondition(lambda self: self.run)
        @rule(who=PEOPLE, left_out=SETS, root=ROOTS, over=st.sampled_from([-1, 0, 6]))
        def finalise_soundly(self, who: int, left_out: frozenset[int], root: bytes, over: int = 0) -> None:
            """Submit as many signatures as a quorum needs, one fewer, or all."""
            state = self.state
            able = sorted(state.committee & self.swarm.model.active - state.rejected)
            signers = frozenset(able[: state.quorum + over])
            contributors = state.committed - left_out
            signatures = self.swarm.attest(self.run, contributors, root, signers)
            self.swarm.finalise(who, self.run, state.round, contributors, root, signatures)

        @precondition(lambda self: self.run)
        @rule(who=PEOPLE, contributors=SETS, signers=SETS, lies=SELDOM, shift=SELDOM)
        def finalise_anyhow(
            self, who: int, contributors: frozenset[int], signers: frozenset[int], lies: bool, shift: bool
        ) -> None:
            known = signers & frozenset(range(len(self.swarm.model.member_list)))
            signatures = self.swarm.attest(self.run, contributors, b"\7" * 32, known)
            root = b"\5" * 32 if lies else b"\7" * 32
            self.swarm.finalise(who, self.run, self.state.round + shift, contributors, root, signatures)

        @rule(who=PEOPLE, back=SELDOM)
        def poke(self, who: int, back: bool) -> None:
            self.swarm.poke(who, max(0, self.run - back))

        @invariant()
        def contract_and_model_agree(self) -> None:
            if hasattr(self, "swarm"):
                self.swarm.compare(newest=2)

        def teardown(self) -> None:
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
                terms = self.swarm.model.runs[final.run - 1].terms
                able = committee(there, final.round, terms.committee)
                gone = {
                    e.member for e in log if isinstance(e, Rejected) and (e.run, e.round) == (final.run, final.round)
                }
                assert final.attesters <= able - gone
                assert final.contributors <= there
                assert len(final.attesters) >= quorum(len(able), terms.min_peers)

        @invariant()
        def who_was_struck_takes_no_part_any_more(self) -> None:
            if not hasattr(self, "swarm"):
                return
            struck: set[tuple[int, int]] = set()
            for event in self.swarm.model.log:
                if isinstance(event, Struck):
                    struck.add((event.run, event.member))
                elif isinstance(event, RoundOpened):
                    assert not {(event.run, member) for member in event.electorate} & struck
                elif isinstance(event, Final):
                    assert not {(event.run, member) for member in event.attesters} & struck

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
        max_examples=16,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=CHECKS,
        phases=[Stage.explicit, Stage.reuse, Stage.generate],
    )
    run_state_machine_as_test(machine(twin), settings=moderate)


@pytest.mark.slow
def test_many_long_random_histories(twin: Any) -> None:
    long = settings(max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=CHECKS)
    run_state_machine_as_test(machine(twin), settings=long)
