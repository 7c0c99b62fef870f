"""What stands on the chain, for a person: members, votes, runs and their rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsi_swarm.swarm.ledger.base import (
    Candidate,
    Final,
    Phase,
    Proposal,
    ProposalKind,
    ProposalStatus,
    RoundOpened,
    RunState,
    RunTerms,
    Void,
    VoidReason,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wsi_swarm.swarm.ledger.base import Event, LedgerReader, Member
    from wsi_swarm.swarm.ledger.federation import Federation


@dataclass(frozen=True)
class Status:
    """One look at the contract."""

    federation: Federation
    chain_time: int
    members: tuple[Member, ...]
    proposals: tuple[Proposal, ...]
    runs: tuple[RunState, ...]
    events: tuple[Event, ...]


def read_status(reader: LedgerReader, federation: Federation) -> Status:
    """Read everything once."""
    return Status(
        federation,
        reader.chain_time(),
        reader.members(),
        tuple(reader.proposal(number) for number in range(1, reader.proposal_count() + 1)),
        tuple(reader.run(number) for number in range(1, reader.run_count() + 1)),
        reader.events()[0],
    )


def as_json(status: Status) -> dict[str, Any]:
    """Return the status as JSON values."""
    name = _namer(status)
    return {
        "chain_id": status.federation.chain_id,
        "contract": status.federation.contract,
        "chain_time": status.chain_time,
        "members": [
            {"index": m.index, "name": name(m.index), "account": m.account, "active": m.active} for m in status.members
        ],
        "proposals": [
            {
                "id": p.id,
                "kind": p.kind.name,
                "status": p.status.name,
                "about": _about(p, status),
                "proposer": name(p.proposer),
                "yes": [name(m) for m in sorted(p.yes)],
                "no": [name(m) for m in sorted(p.no)],
                "electorate": len(p.electorate),
                "expires_at": p.expires_at,
            }
            for p in status.proposals
        ],
        "runs": [_run_json(run, status) for run in status.runs],
    }


def _run_json(run: RunState, status: Status) -> dict[str, Any]:
    name = _namer(status)
    deadline = _deadline(run)
    return {
        "run": run.run,
        "phase": run.phase.name,
        "round": run.round,
        "finals": run.finals,
        "rounds": run.terms.rounds,
        "base_root": run.base_root.hex(),
        "config_sha256": run.terms.config_hash.hex(),
        "min_peers": run.terms.min_peers,
        "enrolled": {name(m): run.weights[m] for m in sorted(run.enrolled)},
        "electorate": [name(m) for m in sorted(run.electorate)],
        "expected": [name(m) for m in sorted(run.expected)],
        "committed": [name(m) for m in sorted(run.committed)],
        "deadline": deadline,
        "history": [
            {
                "round": event.round,
                "result": "final" if isinstance(event, Final) else "void",
                "why": "" if isinstance(event, Final) else _void_reason(event),
                "root": event.merged_root.hex() if isinstance(event, Final) else "",
                "contributors": [name(m) for m in sorted(event.contributors)] if isinstance(event, Final) else [],
                "attesters": [name(m) for m in sorted(event.attesters)] if isinstance(event, Final) else [],
            }
            for event in _ends(status.events, run.run)
        ],
    }


def as_text(status: Status) -> str:
    """Return the status as a page for a person."""
    name, lines = _namer(status), [f"contract {status.federation.contract} on chain {status.federation.chain_id}"]
    lines += ["", "members"]
    for member in status.members:
        lines.append(f"  {member.index:>3}  {name(member.index):<20} {member.account}  {_word(member.active)}")
    shown = [p for p in status.proposals if p.status is ProposalStatus.OPEN]
    if shown:
        lines += ["", "open proposals (vote with 'wsi-swarm swarm vote ID yes|no')"]
        for p in shown:
            tally = f"{len(p.yes)} yes, {len(p.no)} no of {len(p.electorate)}"
            lines.append(f"  {p.id:>3}  {_about(p, status)}  ({tally}; proposed by {name(p.proposer)})")
    for run in status.runs:
        lines += ["", *_run_lines(run, status)]
    return "\n".join(lines)


def _run_lines(run: RunState, status: Status) -> list[str]:
    name = _namer(status)
    left, deadline = "", _deadline(run)
    if deadline is not None:
        seconds = deadline - status.chain_time
        left = f", {seconds} s left" if seconds >= 0 else f", overdue by {-seconds} s"
    lines = [
        f"run {run.run}: {_PHASES[run.phase]}{left}",
        f"  final rounds {run.finals} of {run.terms.rounds}; model {run.base_root.hex()[:12]}; "
        f"configuration {run.terms.config_hash.hex()[:12]}",
    ]
    if run.phase is not Phase.FINISHED:
        lines.append(f"  round {run.round}")
        for member in sorted(run.enrolled):
            did = "committed" if member in run.committed else "expected" if member in run.expected else "away"
            if run.phase is Phase.ENROL or member not in run.electorate:
                did = "enrolled"
            lines.append(f"    {name(member):<20} weight {run.weights[member]:<6} {did}")
    opened = {e.round: e.opened_at for e in status.events if isinstance(e, RoundOpened) and e.run == run.run}
    for event in _ends(status.events, run.run)[-12:]:
        if isinstance(event, Final):
            who = ", ".join(name(m) for m in sorted(event.contributors))
            following = opened.get(event.round + 1)
            took = f"{following - opened[event.round]:>4} s  " if following is not None else " " * 8
            lines.append(f"    round {event.round:>4}  final  {took}{event.merged_root.hex()[:12]}  {who}")
        else:
            lines.append(f"    round {event.round:>4}  void   {_void_reason(event)}")
    return lines


_PHASES = {
    Phase.ENROL: "enrolment",
    Phase.COMMIT: "training and commitment",
    Phase.ATTEST: "reveal, merge and attestation",
    Phase.OVERDUE: "overdue, to be voided",
    Phase.FINISHED: "finished",
}


def _deadline(run: RunState) -> int | None:
    match run.phase:
        case Phase.ENROL:
            return run.enrol_deadline
        case Phase.COMMIT:
            return run.commit_deadline
        case Phase.ATTEST | Phase.OVERDUE:
            return run.attest_deadline
        case Phase.FINISHED:
            return None


def _ends(events: Iterable[Event], run: int) -> list[Final | Void]:
    return [event for event in events if isinstance(event, Final | Void) and event.run == run]


def _void_reason(event: Void) -> str:
    few = event.reason is VoidReason.TOO_FEW_COMMITS
    return "too few centres committed in time" if few else "no quorum attested in time"


def _about(proposal: Proposal, status: Status) -> str:
    match proposal.subject:
        case Candidate(account):
            return f"admit {account}"
        case RunTerms() as terms:
            return f"run of {terms.rounds} rounds, configuration {terms.config_hash.hex()[:12]}"
        case index:
            known = proposal.kind is ProposalKind.REMOVE_MEMBER and index < len(status.members)
            return f"remove {_namer(status)(index)}" if known else f"member {index}"


def _namer(status: Status):
    def name(index: int) -> str:
        return status.federation.name_of(status.members[index])

    return name


def _word(active: bool) -> str:
    return "active" if active else "removed"
