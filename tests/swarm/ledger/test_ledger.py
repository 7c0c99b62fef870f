"""What every ledger must do: the same tests on the pure model and on the compiled contract."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wsi_swarm.swarm.ledger import typed_data as td
from wsi_swarm.swarm.ledger.base import (
    AlreadyDoneError,
    Candidate,
    Committed,
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

TERMS = RunTerms(b"c" * 32, b"b" * 32, 2, 2, enrol_seconds=100, commit_seconds=60, attest_seconds=30, max_weight=500)


TWO = frozenset({0, 1})
ALL = frozenset({0, 1, 2})


def open_run(swarm: Any, terms: RunTerms = TERMS) -> int:
    proposal = swarm.ledgers[0].propose_run(terms)
    swarm.ledgers[1].vote(proposal, True)
    run = swarm.ledgers[2].proposal(proposal).outcome
    assert run is not None
    return run


def enrolled(swarm: Any, terms: RunTerms = TERMS) -> int:
    run = open_run(swarm, terms)
    for member in range(3):
        swarm.ledgers[member].enrol(run, 100 + member)
    return run


def attest(swarm: Any, run: int, contributors: frozenset[int], root: bytes, who: frozenset[int]) -> dict[int, bytes]:
    ledger: Ledger = swarm.ledgers[0]
    state = ledger.run(run)
    digest = td.attest_digest(ledger.chain_id, ledger.contract, run, state.round, state.base_root, contributors, root)
    return {member: td.sign(swarm.keys[member], digest) for member in who}


def test_round_runs_from_enrolment_to_final_and_opens_the_next(swarm: Any) -> None:
    run = enrolled(swarm)
    for member in range(3):
        assert swarm.ledgers[0].run(run).phase is Phase.COMMIT
        swarm.ledgers[member].commit(run, 1, bytes([member + 1]) * 32)
    state = swarm.ledgers[0].run(run)
    assert (state.phase, state.quorum, state.weights) == (Phase.ATTEST, 2, {0: 100, 1: 101, 2: 102})
    swarm.ledgers[1].finalise(run, 1, ALL, b"m" * 32, attest(swarm, run, ALL, b"m" * 32, frozenset({0, 2})))
    state = swarm.ledgers[0].run(run)
    assert (state.round, state.finals, state.base_root, state.expected) == (2, 1, b"m" * 32, ALL)
    events, cursor = swarm.ledgers[0].events()
    assert [type(e) for e in events][-2:] == [Final, RoundOpened]
    assert swarm.ledgers[0].events(cursor) == ((), cursor)
    assert swarm.ledgers[0].commits(run, 1) == {m: bytes([m + 1]) * 32 for m in range(3)}


def test_commits_hash_chains_the_commits_that_the_events_tell(swarm: Any) -> None:
    run = enrolled(swarm)
    for member in (2, 0, 1):
        swarm.ledgers[member].commit(run, 1, bytes([member + 1]) * 32)
    chained = bytes(32)
    for event in swarm.ledgers[0].events()[0]:
        if isinstance(event, Committed):
            chained = td.next_commits_hash(chained, event.round, event.member, event.commitment)
    assert swarm.ledgers[0].run(run).commits_hash == chained


def test_dead_member_costs_one_commit_deadline_and_returns_by_enrolling(swarm: Any) -> None:
    run = enrolled(swarm, replace(TERMS, rounds=9))
    for member in TWO:
        swarm.ledgers[member].commit(run, 1, b"x" * 32)
    assert swarm.ledgers[0].run(run).phase is Phase.COMMIT
    swarm.clock.now = swarm.ledgers[0].run(run).commit_deadline
    assert swarm.ledgers[0].run(run).phase is Phase.ATTEST
    swarm.ledgers[0].finalise(run, 1, TWO, b"m" * 32, attest(swarm, run, TWO, b"m" * 32, TWO))
    for member in TWO:
        swarm.ledgers[member].commit(run, 2, b"y" * 32)
    assert swarm.ledgers[0].run(run).phase is Phase.ATTEST, "the dead one is no longer waited for"
    swarm.ledgers[2].enrol(run, 102)
    swarm.ledgers[0].finalise(run, 2, TWO, b"n" * 32, attest(swarm, run, TWO, b"n" * 32, TWO))
    assert swarm.ledgers[0].run(run).expected == ALL


def test_member_that_died_after_its_commit_is_not_waited_for_again(swarm: Any) -> None:
    run = enrolled(swarm, replace(TERMS, rounds=9))
    for member in ALL:
        swarm.ledgers[member].commit(run, 1, b"x" * 32)
    swarm.ledgers[0].finalise(run, 1, TWO, b"m" * 32, attest(swarm, run, TWO, b"m" * 32, TWO))
    assert swarm.ledgers[0].run(run).expected == TWO
    for member in TWO:
        swarm.ledgers[member].commit(run, 2, b"y" * 32)
    assert swarm.ledgers[0].run(run).phase is Phase.ATTEST


@pytest.mark.parametrize(("committers", "reason"), [({0}, VoidReason.TOO_FEW_COMMITS), (ALL, VoidReason.NO_QUORUM)])
def test_overdue_round_is_voided_by_a_poke_and_keeps_the_base(
    committers: set[int], reason: VoidReason, swarm: Any
) -> None:
    run = enrolled(swarm)
    for member in committers:
        swarm.ledgers[member].commit(run, 1, b"x" * 32)
    state = swarm.ledgers[0].run(run)
    deadline = state.commit_deadline if reason is VoidReason.TOO_FEW_COMMITS else state.attest_deadline
    swarm.clock.now = deadline - 1
    with pytest.raises(NotNowError):
        swarm.ledgers[0].poke(run)
    swarm.clock.now = deadline
    assert swarm.ledgers[0].run(run).phase is Phase.OVERDUE
    swarm.ledgers[0].poke(run)
    state = swarm.ledgers[0].run(run)
    assert (state.round, state.finals, state.base_root, state.expected) == (2, 0, b"b" * 32, committers)
    assert [e.reason for e in swarm.ledgers[0].events()[0] if isinstance(e, Void)] == [reason]


def test_repeated_calls_are_success_only_with_the_same_content(swarm: Any) -> None:
    run = enrolled(swarm)
    swarm.ledgers[0].enrol(run, 100)
    swarm.ledgers[0].commit(run, 1, b"x" * 32)
    swarm.ledgers[0].commit(run, 1, b"x" * 32)
    with pytest.raises(RefusedError, match="AlreadyCommitted"):
        swarm.ledgers[0].commit(run, 1, b"y" * 32)
    for member in (1, 2):
        swarm.ledgers[member].commit(run, 1, b"x" * 32)
    signatures = attest(swarm, run, TWO, b"m" * 32, TWO)
    swarm.ledgers[0].finalise(run, 1, TWO, b"m" * 32, signatures)
    swarm.ledgers[0].finalise(run, 1, TWO, b"m" * 32, signatures)
    swarm.ledgers[0].commit(run, 1, b"x" * 32)
    with pytest.raises(NotNowError):
        swarm.ledgers[0].finalise(run, 1, TWO, b"n" * 32, signatures)
    with pytest.raises(NotNowError):
        swarm.ledgers[0].commit(run, 1, b"z" * 32)


def test_votes_admit_and_remove_and_the_removed_has_no_say(swarm: Any) -> None:
    ledger: Ledger = swarm.ledgers[0]
    expiry = ledger.chain_time() + 500
    request = td.sign_join_request(
        swarm.keys[3], ledger.chain_id, ledger.contract, b"k" * 32, "tcp://new:7000", expiry=expiry
    )
    proposal = ledger.propose_member(request)
    assert ledger.proposal(proposal).subject == Candidate(
        request.account, b"k" * 32, td.endpoint_hash("tcp://new:7000")
    )
    with pytest.raises(NotAllowedError):
        swarm.ledgers[3].vote(proposal, True)
    swarm.ledgers[1].vote(proposal, True)
    swarm.ledgers[1].vote(proposal, True)
    with pytest.raises(AlreadyDoneError):
        swarm.ledgers[1].vote(proposal, False)
    assert ledger.proposal(proposal).outcome == 3
    removal = swarm.ledgers[3].propose_removal(2)
    ledger.vote(removal, True)
    swarm.ledgers[1].vote(removal, True)
    assert [m.active for m in ledger.members()] == [True, True, False, True]
    with pytest.raises(NotAllowedError):
        swarm.ledgers[2].propose_removal(0)


def test_proposal_is_rejected_by_half_and_expires_at_its_deadline(swarm: Any) -> None:
    first, second = swarm.ledgers[0].propose_removal(2), swarm.ledgers[0].propose_removal(1)
    swarm.ledgers[1].vote(first, False)
    swarm.ledgers[2].vote(first, False)
    assert swarm.ledgers[0].proposal(first).status is ProposalStatus.REJECTED
    swarm.clock.now = swarm.ledgers[0].proposal(second).expires_at
    assert swarm.ledgers[0].proposal(second).status is ProposalStatus.EXPIRED
    with pytest.raises(NotNowError):
        swarm.ledgers[1].vote(second, True)


@pytest.mark.parametrize(
    "change", [{"min_peers": 1}, {"rounds": 0}, {"base_root": bytes(32)}, {"commit_seconds": 2**32}, {"max_weight": -1}]
)
def test_terms_without_sense_are_refused(change: dict[str, Any], swarm: Any) -> None:
    with pytest.raises(RefusedError, match="BadTerms"):
        swarm.ledgers[0].propose_run(replace(TERMS, **change))


def test_what_is_not_there_is_refused_by_name(swarm: Any) -> None:
    with pytest.raises(RefusedError, match="UnknownRun"):
        swarm.ledgers[0].run(1)
    with pytest.raises(RefusedError, match="UnknownProposal"):
        swarm.ledgers[0].proposal(0)
