"""Each custom error of the contract is provoked once, on contract and model alike; a round and its digests work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from wsi_swarm.swarm.ledger import typed_data as td
from wsi_swarm.swarm.ledger.base import Phase, RunTerms
from wsi_swarm.swarm.ledger.errors import REFUSAL_CODES

if TYPE_CHECKING:
    from collections.abc import Callable

EVERYONE = frozenset({0, 1, 2})
ROOT = b"m" * 32


def opened(twin: Any, terms: RunTerms, enrolled: int = 3) -> Any:
    """Return three founders with run 1, in which the first ``enrolled`` are enrolled."""
    swarm = twin(3)
    assert swarm.propose_run(0, terms) is None
    assert swarm.vote(1, 1, True) is None
    for who in range(enrolled):
        assert swarm.enrol(who, 1, 10 + who) is None
    return swarm


def committed(twin: Any, terms: RunTerms) -> Any:
    """Return three founders who have committed in round 1 of run 1."""
    swarm = opened(twin, terms)
    for who in range(3):
        assert swarm.commit(who, 1, 1, bytes([who + 1]) * 32) is None
    return swarm


def finalise(swarm: Any, **changed: Any) -> str | None:
    told: dict[str, Any] = {"who": 0, "run": 1, "round_": 1, "contributors": EVERYONE, "root": ROOT} | changed
    signers = told.pop("signers", frozenset({0, 1}))
    if "sigs" not in told:
        told["sigs"] = swarm.attest(1, told["contributors"], told["root"], signers)
    return swarm.finalise(**told)


def _expired_request(twin: Any, _: RunTerms) -> str | None:
    swarm = twin(3)
    return swarm.propose_member(0, swarm.request(3, swarm.now + 1))


def _late_vote(twin: Any, terms: RunTerms) -> str | None:
    swarm = twin(3)
    swarm.propose_run(0, terms)
    swarm.now += 1000
    return swarm.vote(1, 1, True)


def _vote_of_the_later_admitted(twin: Any, _: RunTerms) -> str | None:
    swarm = twin(3)
    swarm.propose_removal(0, 2)
    swarm.propose_member(0, swarm.request(3, swarm.now + 500))
    swarm.vote(1, 2, True)
    return swarm.vote(3, 1, True)


def _full_contract(twin: Any, _: RunTerms) -> str | None:
    # The cheapest way to 256 members: found them at once (an EVM without the cap of EIP-7825 takes it).
    swarm = twin(256, keys=257)
    return swarm.propose_member(0, swarm.request(256, swarm.now + 500, curve_key=b"\xff" * 32))


def _removal_of_the_last(twin: Any, _: RunTerms) -> str | None:
    return twin(1).propose_removal(0, 0)


def _enrolment_of_the_struck(twin: Any, terms: RunTerms) -> str | None:
    swarm = committed(twin, terms)
    assert swarm.report(0, 1, swarm.equivocation(1, 2, (ROOT, b"n" * 32))) is None
    return swarm.enrol(2, 1, 12)


def _second_report(twin: Any, terms: RunTerms) -> str | None:
    swarm = committed(twin, terms)
    proof = swarm.equivocation(1, 2, (ROOT, b"n" * 32))
    return swarm.report(0, 1, proof) or swarm.report(1, 1, proof)


REFUSALS: dict[str, Callable[[Any, RunTerms], str | None]] = {
    "NotMember": lambda t, terms: t(3).propose_run(4, terms),
    "UnknownMember": lambda t, _: t(3).propose_removal(0, 3),
    "AlreadyMember": lambda t, _: (s := t(3)).propose_member(0, s.request(1, s.now + 500)),
    "CurveKeyTaken": lambda t, _: (s := t(3)).propose_member(0, s.request(3, s.now + 500, curve_key=(1).to_bytes(32))),
    "BadMember": lambda t, _: (s := t(3)).propose_member(0, replace(s.request(3, s.now + 500), curve_key=bytes(32))),
    "TooManyMembers": _full_contract,
    "TooFewMembers": _removal_of_the_last,
    "RequestExpired": _expired_request,
    "BadSignature": lambda t, _: (s := t(3)).propose_member(0, s.request(3, s.now + 500, forged=True)),
    "UnknownProposal": lambda t, _: t(3).vote(0, 1, True),
    "ProposalClosed": _late_vote,
    "AlreadyVoted": lambda t, terms: (s := t(3)).propose_run(0, terms) or s.vote(0, 1, False),
    "NotInElectorate": _vote_of_the_later_admitted,
    "BadTerms": lambda t, terms: t(3).propose_run(0, replace(terms, min_peers=1)),
    "UnknownRun": lambda t, _: t(3).enrol(0, 1, 1),
    "BadWeight": lambda t, terms: opened(t, terms, 0).enrol(0, 1, 501),
    "WeightFixed": lambda t, terms: opened(t, terms, 3).enrol(0, 1, 11),
    "AlreadyEnrolled": lambda t, terms: opened(t, terms, 1).enrol(0, 1, 10),
    "WrongRound": lambda t, terms: opened(t, terms).commit(0, 1, 2, b"x" * 32),
    "WrongPhase": lambda t, terms: finalise(opened(t, terms)),
    "AlreadyCommitted": lambda t, terms: committed(t, terms).commit(0, 1, 1, b"y" * 32),
    "BadCommitment": lambda t, terms: opened(t, terms).commit(0, 1, 1, bytes(32)),
    "BadRoot": lambda t, terms: finalise(committed(t, terms), root=bytes(32)),
    "BadContributors": lambda t, terms: finalise(committed(t, terms), contributors=frozenset({0, 1, 2, 3})),
    "BadAttesters": lambda t, terms: finalise(committed(t, terms), sigs={0: b"\1" * 65, 5: b"\1" * 65}),
    "NoQuorum": lambda t, terms: finalise(committed(t, terms), signers=frozenset({2})),
    "StruckFromRun": _enrolment_of_the_struck,
    "AlreadyStruck": _second_report,
    "NoEquivocation": lambda t, terms: (s := committed(t, terms)).report(0, 1, s.equivocation(1, 2, (ROOT, ROOT))),
    "NotEnrolled": lambda t, terms: opened(t, terms, 1).leave(1, 1),
    "AlreadyRejected": lambda t, terms: (s := committed(t, terms)).reject(2, 1, 1) or s.reject(2, 1, 1),
    "NotAttester": lambda t, terms: (s := committed(t, replace(terms, committee=2))).reject(
        *(EVERYONE - s.model.run_state(1).committee), 1, 1
    ),
    "NothingToPoke": lambda t, terms: opened(t, terms).poke(0, 1),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_contract_and_model_refuse_alike(code: str, twin: Any, terms: RunTerms) -> None:
    assert REFUSALS[code](twin, terms) == code


def test_every_refusal_is_provoked() -> None:
    assert set(REFUSALS) | {"BadVotingTime"} == REFUSAL_CODES


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"contributors": frozenset({0})}, "BadContributors"),
        ({"sigs": {0: b"\1" * 65, 1: b"\1" * 65}}, "BadSignature"),
        ({"sigs": {0: b"\1" * 64, 1: b"\1" * 65}}, "BadAttesters"),
        ({"who": 4}, "NotMember"),
        ({"round_": 0}, "WrongRound"),
        ({}, None),
    ],
)
def test_finalise_needs_a_sound_bundle(change: dict[str, Any], code: str | None, twin: Any, terms: RunTerms) -> None:
    swarm = committed(twin, terms)
    assert finalise(swarm, **change) == code
    swarm.compare()


@pytest.mark.parametrize(
    ("members", "min_peers", "needed"), [(2, 2, 2), (3, 2, 2), (3, 3, 3), (4, 2, 3), (5, 2, 3), (5, 5, 5), (8, 2, 5)]
)
def test_quorum_is_a_majority_of_the_committers_and_never_below_min_peers(
    members: int, min_peers: int, needed: int, twin: Any, terms: RunTerms
) -> None:
    swarm = twin(members)
    swarm.propose_run(0, replace(terms, min_peers=min_peers))
    for who in range(1, members // 2 + 1):
        swarm.vote(who, 1, True)
    for who in range(members):
        swarm.enrol(who, 1, 1)
    for who in range(members):
        swarm.commit(who, 1, 1, b"u" * 32)
    everybody = frozenset(range(members))
    for signers in (needed - 1, needed):
        signed = swarm.attest(1, everybody, ROOT, frozenset(range(members - signers, members)))
        code = swarm.finalise(0, 1, 1, everybody, ROOT, signed)
        assert code == ("NoQuorum" if signers < needed else None)


def test_signature_of_another_round_contract_or_high_s_counts_for_nothing(twin: Any, terms: RunTerms) -> None:
    swarm = committed(twin, terms)
    good = swarm.attest(1, EVERYONE, ROOT, frozenset({0, 1}))
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    flipped = good[1][:32] + (order - int.from_bytes(good[1][32:64])).to_bytes(32) + bytes([55 - good[1][64]])
    for bad in (flipped, good[0], good[1][:64] + b"\0"):
        assert finalise(swarm, sigs={0: good[0], 1: bad}) == "BadSignature"
    for chain_id, contract, round_ in [(1, swarm.contract, 1), (1337, td.ZERO_ADDRESS, 1), (1337, swarm.contract, 2)]:
        commits = swarm.model.run_state(1).commits_hash
        digest = td.attest_digest(chain_id, contract, 1, round_, terms.base_root, commits, EVERYONE, ROOT)
        assert finalise(swarm, sigs={0: good[0], 1: td.sign(swarm.keys[1], digest)}) == "BadSignature"
    assert finalise(swarm) is None


def test_removed_member_counts_neither_as_attester_nor_in_the_next_electorate(twin: Any, terms: RunTerms) -> None:
    swarm = committed(twin, terms)
    swarm.propose_removal(0, 2)
    assert swarm.vote(1, 2, True) is None
    assert finalise(swarm, signers=frozenset({1, 2})) == "BadAttesters"
    assert finalise(swarm, signers=frozenset({0, 1})) is None
    state = swarm.model.run_state(1)
    assert (state.electorate, state.expected, state.phase) == ({0, 1}, {0, 1}, Phase.COMMIT)
    swarm.compare()


def test_member_admitted_again_keeps_index_and_weight(twin: Any, terms: RunTerms) -> None:
    swarm = opened(twin, terms)
    swarm.propose_removal(0, 2)
    swarm.vote(1, 2, True)
    swarm.propose_member(0, swarm.request(2, swarm.now + 500, curve_key=b"n" * 32))
    swarm.vote(1, 3, True)
    member = swarm.model.member_list[2]
    assert (member.active, member.curve_key) == (True, b"n" * 32)
    assert swarm.enrol(2, 1, 13) == "WeightFixed"
    swarm.compare()


def test_enrolment_that_is_over_is_opened_by_a_poke(twin: Any, terms: RunTerms) -> None:
    swarm = opened(twin, terms, 1)
    swarm.now += 100
    assert swarm.poke(0, 1) == "NothingToPoke"
    assert swarm.enrol(1, 1, 5) is None
    assert swarm.model.run_state(1).round == 1, "late but enough: opened at once"
    swarm.compare()
