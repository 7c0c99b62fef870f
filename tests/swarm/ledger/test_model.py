"""The pure model by itself; that it equals the contract is checked in tests/contracts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from wsi_swarm.swarm.ledger import typed_data as td
from wsi_swarm.swarm.ledger.base import (
    Candidate,
    Final,
    Ledger,
    NotAllowedError,
    NotNowError,
    Phase,
    ProposalStatus,
    RefusedError,
    RoundOpened,
    RunTerms,
    Void,
    VoidReason,
)
from wsi_swarm.swarm.ledger.model import ContractModel, ModelLedger

KEYS = [bytes([i + 1]) * 32 for i in range(5)]
TERMS = RunTerms(b"c" * 32, b"b" * 32, 2, 2, enrol_seconds=100, commit_seconds=60, attest_seconds=30, max_weight=500)


@dataclass
class Clock:
    now: int = 1_000

    def __call__(self) -> int:
        return self.now


class Swarm:
    def __init__(self, members: int = 3) -> None:
        self.clock = Clock()
        founders = [Candidate(td.account_of(k), k[::-1], td.endpoint_hash(f"tcp://h:{k[0]}")) for k in KEYS[:members]]
        self.model = ContractModel(founders, voting_seconds=1000, clock=self.clock)
        self.ledgers: list[Ledger] = [ModelLedger(self.model, td.account_of(key)) for key in KEYS]

    def open_run(self, terms: RunTerms = TERMS) -> int:
        voters = [m.index for m in self.ledgers[0].members() if m.active]
        proposal = self.ledgers[voters[0]].propose_run(terms)
        for voter in voters[1 : len(voters) // 2 + 1]:
            self.ledgers[voter].vote(proposal, True)
        run = self.ledgers[0].proposal(proposal).outcome
        assert run is not None
        return run

    def attest(self, run: int, contributors: frozenset[int], root: bytes, who: list[int]) -> dict[int, bytes]:
        state = self.ledgers[0].run(run)
        digest = td.attest_digest(
            self.model.chain_id, self.model.address, run, state.round, state.base_root, contributors, root
        )
        return {member: td.sign(KEYS[member], digest) for member in who}


def test_round_runs_from_enrolment_to_final_and_opens_the_next() -> None:
    swarm = Swarm()
    run = swarm.open_run()
    for member in range(3):
        swarm.ledgers[member].enrol(run, 100 + member)
    for member in range(3):
        assert swarm.ledgers[0].run(run).phase is Phase.COMMIT
        swarm.ledgers[member].commit(run, 1, bytes([member + 1]) * 32)
    state = swarm.ledgers[0].run(run)
    assert (state.phase, state.quorum, state.weights) == (Phase.ATTEST, 2, {0: 100, 1: 101, 2: 102})
    everyone = frozenset({0, 1, 2})
    swarm.ledgers[1].finalise(run, 1, everyone, b"m" * 32, swarm.attest(run, everyone, b"m" * 32, [0, 2]))
    state = swarm.ledgers[0].run(run)
    assert (state.round, state.finals, state.base_root, state.expected) == (2, 1, b"m" * 32, everyone)
    events, cursor = swarm.ledgers[0].events()
    assert [type(e) for e in events][-2:] == [Final, RoundOpened]
    assert swarm.ledgers[0].events(cursor) == ((), cursor)


def test_dead_member_costs_one_commit_deadline_and_returns_by_enrolling() -> None:
    swarm = Swarm()
    run = swarm.open_run(replace(TERMS, rounds=9))
    for member in range(3):
        swarm.ledgers[member].enrol(run, 1)
    two = frozenset({0, 1})
    for member in two:
        swarm.ledgers[member].commit(run, 1, b"x" * 32)
    assert swarm.ledgers[0].run(run).phase is Phase.COMMIT
    swarm.clock.now += 60
    assert swarm.ledgers[0].run(run).phase is Phase.ATTEST
    swarm.ledgers[0].finalise(run, 1, two, b"m" * 32, swarm.attest(run, two, b"m" * 32, [0, 1]))
    for member in two:
        swarm.ledgers[member].commit(run, 2, b"y" * 32)
    assert swarm.ledgers[0].run(run).phase is Phase.ATTEST, "the dead one is no longer waited for"
    swarm.ledgers[2].enrol(run, 1)
    swarm.ledgers[0].finalise(run, 2, two, b"n" * 32, swarm.attest(run, two, b"n" * 32, [0, 1]))
    assert swarm.ledgers[0].run(run).expected == {0, 1, 2}


@pytest.mark.parametrize(
    ("committers", "wait", "reason"), [([0], 60, VoidReason.TOO_FEW_COMMITS), ([0, 1, 2], 30, VoidReason.NO_QUORUM)]
)
def test_overdue_round_is_voided_by_a_poke_and_keeps_the_base(
    committers: list[int], wait: int, reason: VoidReason
) -> None:
    swarm = Swarm()
    run = swarm.open_run()
    for member in range(3):
        swarm.ledgers[member].enrol(run, 1)
    for member in committers:
        swarm.ledgers[member].commit(run, 1, b"x" * 32)
    swarm.clock.now += wait - 1
    with pytest.raises(NotNowError):
        swarm.ledgers[0].poke(run)
    swarm.clock.now += 1
    assert swarm.ledgers[0].run(run).phase is Phase.OVERDUE
    swarm.ledgers[0].poke(run)
    state = swarm.ledgers[0].run(run)
    assert (state.round, state.finals, state.base_root, state.expected) == (2, 0, b"b" * 32, frozenset(committers))
    assert [e.reason for e in swarm.ledgers[0].events()[0] if isinstance(e, Void)] == [reason]


def test_repeated_calls_are_success_only_with_the_same_content() -> None:
    swarm = Swarm()
    run = swarm.open_run()
    for member in range(3):
        swarm.ledgers[member].enrol(run, 1)
    swarm.ledgers[0].commit(run, 1, b"x" * 32)
    swarm.ledgers[0].commit(run, 1, b"x" * 32)
    with pytest.raises(RefusedError, match="AlreadyCommitted"):
        swarm.ledgers[0].commit(run, 1, b"y" * 32)
    for member in (1, 2):
        swarm.ledgers[member].commit(run, 1, b"x" * 32)
    two = frozenset({0, 1})
    signatures = swarm.attest(run, two, b"m" * 32, [0, 1])
    swarm.ledgers[0].finalise(run, 1, two, b"m" * 32, signatures)
    swarm.ledgers[0].finalise(run, 1, two, b"m" * 32, signatures)
    with pytest.raises(NotNowError):
        swarm.ledgers[0].finalise(run, 1, two, b"n" * 32, signatures)


def test_votes_admit_and_remove_and_the_removed_has_no_say() -> None:
    swarm = Swarm()
    request = td.sign_join_request(KEYS[3], 1337, swarm.model.address, b"k" * 32, "tcp://new:7000", expiry=5_000)
    proposal = swarm.ledgers[0].propose_member(request)
    with pytest.raises(NotAllowedError):
        swarm.ledgers[3].vote(proposal, True)
    swarm.ledgers[1].vote(proposal, True)
    assert swarm.ledgers[0].proposal(proposal).outcome == 3
    removal = swarm.ledgers[3].propose_removal(2)
    swarm.ledgers[0].vote(removal, True)
    swarm.ledgers[1].vote(removal, True)
    assert [m.active for m in swarm.ledgers[0].members()] == [True, True, False, True]
    with pytest.raises(NotAllowedError):
        swarm.ledgers[2].propose_removal(0)


def test_proposal_is_rejected_by_half_and_expires_at_its_deadline() -> None:
    swarm = Swarm(4)
    first, second = swarm.ledgers[0].propose_removal(3), swarm.ledgers[0].propose_removal(2)
    swarm.ledgers[1].vote(first, False)
    swarm.ledgers[2].vote(first, False)
    assert swarm.ledgers[0].proposal(first).status is ProposalStatus.REJECTED
    swarm.clock.now += 1000
    assert swarm.ledgers[0].proposal(second).status is ProposalStatus.EXPIRED
    with pytest.raises(NotNowError):
        swarm.ledgers[1].vote(second, True)


@pytest.mark.parametrize("change", [{"min_peers": 1}, {"rounds": 0}, {"base_root": bytes(32)}, {"commit_seconds": 0}])
def test_terms_without_sense_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(RefusedError, match="BadTerms"):
        Swarm().ledgers[0].propose_run(replace(TERMS, **change))
