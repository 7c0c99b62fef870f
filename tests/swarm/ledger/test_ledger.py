"""What every ledger must do: the same tests on the pure model and on the compiled contract."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wsi_swarm.swarm.ledger import typed_data as td
from wsi_swarm.swarm.ledger.base import (
    AlreadyDoneError,
    Candidate,
    CommitsClosed,
    Committed,
    Equivocation,
    Final,
    KeyRotated,
    Ledger,
    Left,
    MemberReplaced,
    NotAllowedError,
    NotNowError,
    Phase,
    ProposalStatus,
    RefusedError,
    Rejected,
    Replacement,
    RoundOpened,
    RunTerms,
    Struck,
    Void,
    VoidReason,
    committee,
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
    where = (ledger.chain_id, ledger.contract, run, state.round, state.base_root, state.commits_hash)
    digest = td.attest_digest(*where, contributors, root)
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


def committed(swarm: Any, terms: RunTerms = TERMS) -> int:
    run = enrolled(swarm, terms)
    for member in ALL:
        swarm.ledgers[member].commit(run, 1, b"x" * 32)
    return run


def told(swarm: Any, kind: type[Any]) -> list[Any]:
    return [replace(e, block=0, log_index=0) for e in swarm.ledgers[0].events()[0] if isinstance(e, kind)]


def test_round_that_lost_its_quorum_by_rejections_is_void_at_once(swarm: Any) -> None:
    run = committed(swarm)
    for _ in range(2):
        swarm.ledgers[2].reject(run, 1)
    state = swarm.ledgers[0].run(run)
    assert (state.phase, state.rejected) == (Phase.ATTEST, {2}), "two of three still make a quorum"
    with pytest.raises(RefusedError, match="BadAttesters"):
        swarm.ledgers[0].finalise(run, 1, ALL, b"m" * 32, attest(swarm, run, ALL, b"m" * 32, frozenset({0, 2})))
    swarm.ledgers[1].reject(run, 1)
    assert swarm.ledgers[0].run(run).phase is Phase.OVERDUE
    swarm.ledgers[0].poke(run)
    state = swarm.ledgers[0].run(run)
    assert (state.round, state.expected, state.rejected, state.phase) == (2, ALL, frozenset(), Phase.COMMIT)
    assert [e.reason for e in told(swarm, Void)] == [VoidReason.REJECTED]
    assert told(swarm, Rejected) == [Rejected(0, 0, run, 1, 2), Rejected(0, 0, run, 1, 1)]
    swarm.ledgers[1].reject(run, 1)
    with pytest.raises(NotNowError):
        swarm.ledgers[0].reject(run, 1)


def test_commits_closed_late_are_rejected_by_committers_only(swarm: Any) -> None:
    run = enrolled(swarm)
    with pytest.raises(NotNowError):
        swarm.ledgers[0].reject(run, 1)
    for member in TWO:
        swarm.ledgers[member].commit(run, 1, b"x" * 32)
    swarm.clock.now = swarm.ledgers[0].run(run).commit_deadline
    with pytest.raises(NotAllowedError, match="NotAttester"):
        swarm.ledgers[2].reject(run, 1)


def equivocation(swarm: Any, run: int, member: int) -> Equivocation:
    state = swarm.ledgers[0].run(run)
    roots = (b"m" * 32, b"n" * 32)
    (a, b) = (attest(swarm, run, ALL, root, frozenset({member}))[member] for root in roots)
    return Equivocation(state.round, state.base_root, state.commits_hash, ALL, roots[0], a, roots[1], b)


def test_member_that_signed_two_roots_is_out_of_the_run(swarm: Any) -> None:
    run = committed(swarm)
    proof = equivocation(swarm, run, 2)
    for _ in range(2):
        swarm.ledgers[0].report_equivocation(run, proof)
    assert told(swarm, Struck) == [Struck(0, 0, run, 2, 1, b"m" * 32, b"n" * 32)]
    state = swarm.ledgers[0].run(run)
    assert (state.struck, state.enrolled, state.committed) == ({2}, TWO, ALL)
    with pytest.raises(RefusedError, match="BadAttesters"):
        swarm.ledgers[0].finalise(run, 1, ALL, b"m" * 32, attest(swarm, run, ALL, b"m" * 32, frozenset({0, 2})))
    with pytest.raises(NotAllowedError, match="StruckFromRun"):
        swarm.ledgers[2].enrol(run, 102)
    swarm.ledgers[0].finalise(run, 1, TWO, b"m" * 32, attest(swarm, run, TWO, b"m" * 32, TWO))
    assert swarm.ledgers[0].run(run).electorate == TWO
    with pytest.raises(NotAllowedError):
        swarm.ledgers[2].commit(run, 2, b"x" * 32)
    assert swarm.ledgers[2].members()[2].active, "membership is for the vote"


def test_nobody_is_struck_for_what_is_no_equivocation(swarm: Any) -> None:
    run = committed(swarm)
    proof = equivocation(swarm, run, 2)
    same = replace(proof, root_b=proof.root_a, signature_b=proof.signature_a)
    mixed = replace(proof, signature_b=equivocation(swarm, run, 1).signature_b)
    other = replace(proof, commits_hash=bytes(32))
    for wrong, code in [(same, "NoEquivocation"), (mixed, "BadSignature"), (other, "BadSignature|UnknownMember")]:
        with pytest.raises(RefusedError, match=code):
            swarm.ledgers[0].report_equivocation(run, wrong)
    with pytest.raises(RefusedError, match="UnknownMember"):
        swarm.ledgers[0].report_equivocation(run, equivocation(swarm, run, 3))
    with pytest.raises(NotAllowedError):
        swarm.ledgers[3].report_equivocation(run, proof)
    assert told(swarm, Struck) == []


def test_member_that_leaves_is_not_waited_for_and_may_come_back(swarm: Any) -> None:
    run = enrolled(swarm)
    for member in TWO:
        swarm.ledgers[member].commit(run, 1, b"x" * 32)
    for _ in range(2):
        swarm.ledgers[2].leave(run)
    assert (told(swarm, Left), len(told(swarm, CommitsClosed))) == ([Left(0, 0, run, 2, 1)], 1)
    state = swarm.ledgers[0].run(run)
    assert (state.phase, state.electorate, state.enrolled) == (Phase.ATTEST, TWO, TWO)
    swarm.ledgers[2].enrol(run, 102)
    swarm.ledgers[0].finalise(run, 1, TWO, b"m" * 32, attest(swarm, run, TWO, b"m" * 32, TWO))
    assert swarm.ledgers[0].run(run).expected == ALL


def test_commit_stays_when_its_member_leaves(swarm: Any) -> None:
    run = enrolled(swarm)
    swarm.ledgers[2].commit(run, 1, b"x" * 32)
    swarm.ledgers[2].leave(run)
    assert swarm.ledgers[0].run(run).committed == {2}
    swarm.ledgers[2].enrol(run, 102)
    for member in TWO:
        swarm.ledgers[member].commit(run, 1, b"x" * 32)
    swarm.ledgers[0].finalise(run, 1, ALL, b"m" * 32, attest(swarm, run, ALL, b"m" * 32, TWO))
    assert swarm.ledgers[0].run(run).expected == ALL


def test_only_the_committee_attests(swarm: Any) -> None:
    run = committed(swarm, replace(TERMS, committee=2))
    for round_ in (1, 2):
        state = swarm.ledgers[0].run(run)
        assert (state.committee, state.quorum) == (committee(ALL, round_, 2), 2)
        for signers in (ALL, ALL - state.committee | {min(state.committee)}):
            with pytest.raises(RefusedError, match="BadAttesters"):
                swarm.ledgers[0].finalise(run, round_, ALL, b"m" * 32, attest(swarm, run, ALL, b"m" * 32, signers))
        root = bytes([round_]) * 32
        swarm.ledgers[0].finalise(run, round_, ALL, root, attest(swarm, run, ALL, root, state.committee))
        for member in ALL if round_ == 1 else ():
            swarm.ledgers[member].commit(run, 2, b"x" * 32)
    assert swarm.ledgers[0].run(run).phase is Phase.FINISHED


@pytest.mark.parametrize("size", [0, 2, 3, 5, 200])
def test_committees_take_turns(size: int) -> None:
    committers = frozenset({0, 3, 4, 9, 255})
    chosen = [committee(committers, round_, size) for round_ in range(1, 6)]
    served = [sum(member in one for one in chosen) for member in sorted(committers)]
    assert served == [len(chosen[0])] * 5
    assert len(chosen[0]) == (size if 0 < size < 5 else 5)


def test_member_resigns_but_not_the_last(swarm: Any) -> None:
    for member in (2, 1):
        for _ in range(2):
            swarm.ledgers[member].resign()
    assert [m.active for m in swarm.ledgers[0].members()] == [True, False, False]
    with pytest.raises(RefusedError, match="TooFewMembers"):
        swarm.ledgers[0].resign()
    with pytest.raises(NotAllowedError):
        swarm.ledgers[3].resign()


def test_member_rotates_its_key_and_keys_are_never_passed_on(swarm: Any) -> None:
    before = swarm.ledgers[0].members()[0].curve_key
    for _ in range(2):
        swarm.ledgers[0].rotate_key(b"r" * 32, b"e" * 32)
    assert told(swarm, KeyRotated) == [KeyRotated(0, 0, 0, b"r" * 32, b"e" * 32)] * 2
    member = swarm.ledgers[1].members()[0]
    assert (member.curve_key, member.endpoint_hash) == (b"r" * 32, b"e" * 32)
    for key in (before, b"r" * 32):
        with pytest.raises(RefusedError, match="CurveKeyTaken"):
            swarm.ledgers[1].rotate_key(key, b"e" * 32)
    with pytest.raises(RefusedError, match="BadMember"):
        swarm.ledgers[1].rotate_key(bytes(32), b"e" * 32)


def test_replaced_member_keeps_index_and_weight_and_the_old_account_has_no_say(swarm: Any) -> None:
    run = enrolled(swarm, replace(TERMS, rounds=9))
    ledger: Ledger = swarm.ledgers[0]
    expiry = ledger.chain_time() + 500
    request = td.sign_join_request(
        swarm.keys[3], ledger.chain_id, ledger.contract, b"k" * 32, "tcp://new:7000", expiry=expiry
    )
    proposal = ledger.propose_replacement(2, request)
    candidate = Candidate(request.account, b"k" * 32, td.endpoint_hash("tcp://new:7000"))
    assert ledger.proposal(proposal).subject == Replacement(2, candidate)
    swarm.ledgers[1].vote(proposal, True)
    assert told(swarm, MemberReplaced) == [
        MemberReplaced(0, 0, 2, *(getattr(candidate, n) for n in Candidate.__slots__))
    ]
    assert (ledger.members()[2].account, len(ledger.members()), ledger.proposal(proposal).outcome) == (
        request.account,
        3,
        2,
    )
    with pytest.raises(NotAllowedError):
        swarm.ledgers[2].commit(run, 1, b"x" * 32)
    swarm.ledgers[3].commit(run, 1, b"x" * 32)
    assert ledger.run(run).weights[2] == 102
    with pytest.raises(RefusedError, match="AlreadyMember"):
        ledger.propose_replacement(1, request)
    with pytest.raises(RefusedError, match="UnknownMember"):
        ledger.propose_replacement(3, request)
