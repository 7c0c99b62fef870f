"""From what the contract returns and records to the ledger's dataclasses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from eth_abi.abi import decode, encode

from wsi_swarm.swarm.ledger.artifact import load_artifact
from wsi_swarm.swarm.ledger.base import Member, Phase, Proposal, ProposalStatus, RunState
from wsi_swarm.swarm.ledger.errors import LedgerError, RefusedError, refusal
from wsi_swarm.swarm.ledger.events import (
    Candidate,
    CommitsClosed,
    Committed,
    Deployed,
    Enrolled,
    Event,
    Executed,
    Final,
    KeyRotated,
    Left,
    MemberAdded,
    MemberRemoved,
    MemberReplaced,
    ProposalKind,
    Proposed,
    Rejected,
    Replacement,
    RoundOpened,
    RunFinished,
    RunOpened,
    RunTerms,
    Struck,
    Subject,
    Void,
    VoidReason,
    Voted,
)
from wsi_swarm.swarm.ledger.typed_data import checksum_address, indices

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsi_swarm.swarm.ledger.rpc_client import RawLog

_CANDIDATE = "(address,bytes32,bytes32)"
_TERMS = "(bytes32,bytes32,uint32,uint16,uint32,uint32,uint32,uint32,uint16)"


def call_data(function: str, *arguments: object) -> bytes:
    """Return selector and encoded arguments of a call."""
    shape = load_artifact().functions[function]
    return shape.selector + encode(shape.inputs, arguments)


def results(function: str, output: bytes) -> Any:
    """Return the decoded (single) result of a call."""
    return decode(load_artifact().functions[function].outputs, output)[0]


def refused(data: bytes) -> RefusedError | LedgerError:
    """Return the exception for what a revert said."""
    code = load_artifact().errors.get(data[:4])
    if code is not None:
        return refusal(code)
    return LedgerError(f"The contract reverted without a reason that this version knows (0x{data[:68].hex()}).")


def members(told: list[tuple[Any, ...]]) -> tuple[Member, ...]:
    """Read ``members()``."""
    return tuple(Member(i, _address(m[0]), m[2], m[3], active=m[1]) for i, m in enumerate(told))


def proposal(number: int, told: tuple[Any, ...]) -> Proposal:
    """Read ``proposal(id)``."""
    kind, proposer, electorate, yes, no, expires_at, status, outcome, subject = told
    kind, status = ProposalKind(kind), ProposalStatus(status)
    return Proposal(
        id=number,
        kind=kind,
        proposer=proposer,
        electorate=indices(electorate),
        yes=indices(yes),
        no=indices(no),
        expires_at=expires_at,
        status=status,
        outcome=outcome if status is ProposalStatus.EXECUTED else None,
        subject=_subject(kind, subject),
    )


def run_state(number: int, told: tuple[Any, ...]) -> RunState:
    """Read ``run(id)``."""
    terms, phase, round_, finals, base_root, enrolled, joining, electorate, expected, committed = told[:10]
    rejected, struck, weights, commits_hash, opened_at, opened_block, closed_at, chain_time = told[10:]
    return RunState(
        run=number,
        terms=RunTerms(*terms),
        phase=Phase(phase),
        round=round_,
        finals=finals,
        base_root=base_root,
        enrolled=indices(enrolled),
        joining=indices(joining),
        electorate=indices(electorate),
        expected=indices(expected),
        committed=indices(committed),
        rejected=indices(rejected),
        struck=indices(struck),
        weights={i: weight for i, weight in enumerate(cast("list[int]", weights)) if weight},
        commits_hash=commits_hash,
        opened_at=opened_at,
        opened_block=opened_block,
        closed_at=closed_at or None,
        chain_time=chain_time,
    )


def event(log: RawLog) -> Event:
    """Read a record of the contract."""
    shape = load_artifact().events[log.topics[0]]
    values: dict[str, Any] = {}
    for (name, kind), topic in zip(shape.indexed, log.topics[1:], strict=True):
        (values[name],) = decode([kind], topic)
    values.update(
        zip((name for name, _ in shape.rest), decode([kind for _, kind in shape.rest], log.data), strict=True)
    )
    return _EVENTS[shape.name](log.block, log.log_index, values)


def _address(told: str) -> str:
    return checksum_address(bytes.fromhex(told[2:]))


def _subject(kind: ProposalKind, data: bytes) -> Subject:
    match kind:
        case ProposalKind.ADD_MEMBER:
            return _candidate(decode([_CANDIDATE], data)[0])
        case ProposalKind.REMOVE_MEMBER:
            return decode(["uint256"], data)[0]
        case ProposalKind.OPEN_RUN:
            return RunTerms(*decode([_TERMS], data)[0])
        case ProposalKind.REPLACE_MEMBER:
            member, candidate = decode(["uint256", _CANDIDATE], data)
            return Replacement(member, _candidate(candidate))


def _candidate(told: tuple[str, bytes, bytes]) -> Candidate:
    account, curve_key, endpoint_hash = told
    return Candidate(_address(account), curve_key, endpoint_hash)


def _proposed(block: int, index: int, v: dict[str, Any]) -> Event:
    kind = ProposalKind(v["kind"])
    subject = _subject(kind, v["subject"])
    electorate = indices(v["electorate"])
    return Proposed(block, index, v["proposal"], kind, v["proposer"], electorate, v["expiresAt"], subject)


_EVENTS: dict[str, Callable[[int, int, dict[str, Any]], Event]] = {
    "Deployed": lambda b, i, v: Deployed(b, i, _address(v["predecessor"]), v["votingSeconds"]),
    "MemberAdded": lambda b, i, v: MemberAdded(
        b, i, v["member"], _address(v["account"]), v["curveKey"], v["endpointHash"]
    ),
    "MemberRemoved": lambda b, i, v: MemberRemoved(b, i, v["member"], _address(v["account"])),
    "MemberReplaced": lambda b, i, v: MemberReplaced(
        b, i, v["member"], _address(v["account"]), v["curveKey"], v["endpointHash"]
    ),
    "KeyRotated": lambda b, i, v: KeyRotated(b, i, v["member"], v["curveKey"], v["endpointHash"]),
    "Proposed": _proposed,
    "Voted": lambda b, i, v: Voted(b, i, v["proposal"], v["member"], v["yes"]),
    "Executed": lambda b, i, v: Executed(b, i, v["proposal"], v["outcome"]),
    "RunOpened": lambda b, i, v: RunOpened(b, i, v["run"], v["proposal"], v["configHash"], v["baseRoot"]),
    "Enrolled": lambda b, i, v: Enrolled(b, i, v["run"], v["member"], v["weight"], v["round"]),
    "Left": lambda b, i, v: Left(b, i, v["run"], v["member"], v["round"]),
    "Struck": lambda b, i, v: Struck(b, i, v["run"], v["member"], v["round"], v["rootA"], v["rootB"]),
    "Rejected": lambda b, i, v: Rejected(b, i, v["run"], v["round"], v["member"]),
    "RoundOpened": lambda b, i, v: RoundOpened(
        b, i, v["run"], v["round"], v["baseRoot"], indices(v["electorate"]), indices(v["expected"]), v["openedAt"]
    ),
    "Committed": lambda b, i, v: Committed(b, i, v["run"], v["round"], v["member"], v["commitment"], v["commitsHash"]),
    "CommitsClosed": lambda b, i, v: CommitsClosed(b, i, v["run"], v["round"], v["closedAt"]),
    "Final": lambda b, i, v: Final(
        b,
        i,
        v["run"],
        v["round"],
        v["mergedRoot"],
        indices(v["contributors"]),
        indices(v["attesters"]),
        v["commitsHash"],
    ),
    "Void": lambda b, i, v: Void(b, i, v["run"], v["round"], VoidReason(v["reason"]), v["commitsHash"]),
    "RunFinished": lambda b, i, v: RunFinished(b, i, v["run"], v["finalRoot"]),
}
