"""What stands on the chain, and what this centre's own node tells, as values: members, votes, runs and their rounds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from wsi_swarm.swarm.ledger.base import (
    Candidate,
    Committed,
    Final,
    Phase,
    Proposal,
    ProposalKind,
    Rejected,
    Replacement,
    RoundOpened,
    RunState,
    RunTerms,
    Struck,
    Void,
    VoidReason,
)
from wsi_swarm.swarm.ledger.federation import DIAL_ONLY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from wsi_swarm.swarm.ledger.base import Event, LedgerReader, Member
    from wsi_swarm.swarm.ledger.federation import Federation

NODE_FILE = "node.json"
"""In a run's folder: what this centre's node last said of itself."""
VOID_REASONS = {
    VoidReason.TOO_FEW_COMMITS: "too few centres committed in time",
    VoidReason.NO_QUORUM: "no quorum attested in time",
    VoidReason.REJECTED: "so many refused to attest that no quorum was left",
}


@dataclass(frozen=True)
class Status:
    """One look at the contract, and at what this centre's node wrote (by run; empty if it wrote nothing)."""

    federation: Federation
    chain_time: int
    members: tuple[Member, ...]
    proposals: tuple[Proposal, ...]
    runs: tuple[RunState, ...]
    events: tuple[Event, ...]
    nodes: Mapping[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])

    def name(self, index: int) -> str:
        """Return the label of a member."""
        return self.federation.name_of(self.members[index])


class StatusReader:
    """Looks again and again; asks the chain only for the events that are new.

    Parameters
    ----------
    node_folder
        Gives the folder of a run's checkpoint, where this centre's node writes what it does; None looks for none.
    """

    def __init__(
        self, reader: LedgerReader, federation: Federation, node_folder: Callable[[int], Path] | None = None
    ) -> None:
        self._reader, self._federation, self._node_folder = reader, federation, node_folder
        self._events: tuple[Event, ...] = ()
        self._next = 0

    def read(self) -> Status:
        """Read everything once."""
        reader = self._reader
        new, self._next = reader.events(self._next)
        self._events += new
        runs = tuple(reader.run(number) for number in range(1, reader.run_count() + 1))
        folder = self._node_folder
        nodes = {run.run: read_node_file(folder(run.run)) if folder else {} for run in runs}
        return Status(
            self._federation,
            reader.chain_time(),
            reader.members(),
            tuple(reader.proposal(number) for number in range(1, reader.proposal_count() + 1)),
            runs,
            self._events,
            {run: told for run, told in nodes.items() if told},
        )


def read_node_file(folder: Path) -> dict[str, Any]:
    """Return what this centre's node last said of itself; nothing if none has run here."""
    try:
        told = json.loads((folder / NODE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # another version's, or none: the chain is enough
        return {}
    return cast("dict[str, Any]", told) if isinstance(told, dict) else {}


def as_json(status: Status) -> dict[str, Any]:
    """Return the status as JSON values."""
    federation = status.federation
    return {
        "chain_id": federation.chain_id,
        "contract": federation.contract,
        "fingerprint": federation.fingerprint,
        "chain_time": status.chain_time,
        "members": [
            {
                "index": m.index,
                "name": status.name(m.index),
                "account": m.account,
                "active": m.active,
                "endpoint": federation.endpoint_of(m),
                "dials_only": federation.endpoint_of(m) == DIAL_ONLY,
            }
            for m in status.members
        ],
        "proposals": [_proposal_json(proposal, status) for proposal in status.proposals],
        "runs": [_run_json(run, status) for run in status.runs],
    }


def _proposal_json(proposal: Proposal, status: Status) -> dict[str, Any]:
    return {
        "id": proposal.id,
        "kind": proposal.kind.name,
        "status": proposal.status.name,
        "about": about(proposal, status),
        "proposer": status.name(proposal.proposer),
        "yes": _names(proposal.yes, status),
        "no": _names(proposal.no, status),
        "electorate": len(proposal.electorate),
        "expires_at": proposal.expires_at,
    }


def _run_json(run: RunState, status: Status) -> dict[str, Any]:
    deadline = deadline_of(run)
    ended = run.phase is Phase.FINISHED
    return {
        "run": run.run,
        "name": next((r.name for r in status.federation.runs if r.config_hash == run.terms.config_hash), ""),
        "phase": run.phase.name,
        "round": run.round,
        "finals": run.finals,
        "rounds": run.terms.rounds,
        "base_root": run.base_root.hex(),
        "config_sha256": run.terms.config_hash.hex(),
        "min_peers": run.terms.min_peers,
        "quorum": run.quorum,
        "committee_size": run.terms.committee,
        "deadline": deadline,
        "seconds_left": None if deadline is None else deadline - status.chain_time,
        "enrolled": {status.name(m): run.weights[m] for m in sorted(run.enrolled)},
        "electorate": _names(run.electorate, status),
        "expected": _names(run.expected, status),
        "committed": _names(run.committed, status),
        "committee": [] if ended else _names(run.committee, status),
        "rejected": _names(run.rejected, status),
        "struck": _names(run.struck, status),
        "strikes": [
            {
                "round": event.round,
                "member": status.name(event.member),
                "root_a": event.root_a.hex(),
                "root_b": event.root_b.hex(),
            }
            for event in status.events
            if isinstance(event, Struck) and event.run == run.run
        ],
        "history": _history(run.run, status),
        "node": _node_json(status.nodes.get(run.run, {}), status),
    }


def _history(run: int, status: Status) -> list[dict[str, Any]]:
    opened: dict[int, RoundOpened] = {}
    committed: dict[int, list[int]] = {}
    rejected: dict[int, list[int]] = {}
    ends: list[Final | Void] = []
    for event in status.events:
        match event:
            case RoundOpened() if event.run == run:
                opened[event.round] = event
            case Committed() if event.run == run:
                committed.setdefault(event.round, []).append(event.member)
            case Rejected() if event.run == run:
                rejected.setdefault(event.round, []).append(event.member)
            case Final() | Void() if event.run == run:
                ends.append(event)
            case _:
                pass
    told: list[dict[str, Any]] = []
    for event in ends:
        final = event if isinstance(event, Final) else None
        this, following = opened.get(event.round), opened.get(event.round + 1)
        told.append(
            {
                "round": event.round,
                "result": "final" if final else "void",
                "why": VOID_REASONS[event.reason] if isinstance(event, Void) else "",
                "seconds": following.opened_at - this.opened_at if this and following else None,
                "root": final.merged_root.hex() if final else "",
                "expected": _names(this.expected, status) if this else [],
                "committed": _names(committed.get(event.round, ()), status),
                "contributors": _names(final.contributors, status) if final else [],
                "attesters": _names(final.attesters, status) if final else [],
                "rejected": _names(rejected.get(event.round, ()), status),
            }
        )
    return told


def _node_json(node: Mapping[str, Any], status: Status) -> dict[str, Any] | None:
    """Return what this centre's node says of itself, accounts replaced by names."""
    if not node:
        return None
    names = {member.account: status.name(member.index) for member in status.members}
    told = {key: value for key, value in node.items() if key not in ("losses", "peers")}
    for key in ("losses", "peers"):
        values: Any = node.get(key, {})
        told[key] = {names.get(account, account): value for account, value in values.items()}
    return told


def about(proposal: Proposal, status: Status) -> str:
    """Return what a vote is about, in words."""
    match proposal.subject:
        case Candidate(account):
            return f"admit {_label(account, status)}"
        case Replacement(member, candidate):
            return f"let {_label(candidate.account, status)} take the place of {status.name(member)}"
        case RunTerms() as terms:
            names = {run.config_hash: run.name for run in status.federation.runs}
            called = f" '{names[terms.config_hash]}'" if terms.config_hash in names else ""
            return f"run{called} of {terms.rounds} rounds, configuration {terms.config_hash.hex()[:12]}"
        case index:
            known = proposal.kind is ProposalKind.REMOVE_MEMBER and index < len(status.members)
            return f"remove {status.name(index)}" if known else f"member {index}"


def deadline_of(run: RunState) -> int | None:
    """Return the chain time at which the phase ends at the latest; None where it has no end."""
    match run.phase:
        case Phase.ENROL:
            return run.enrol_deadline
        case Phase.COMMIT:
            return run.commit_deadline
        case Phase.ATTEST | Phase.OVERDUE:
            return run.attest_deadline
        case Phase.FINISHED:
            return None


def _label(account: str, status: Status) -> str:
    name = next((known.name for known in status.federation.members if known.account == account), None)
    return f"{name} ({account})" if name else account


def _names(members: Iterable[int], status: Status) -> list[str]:
    return [status.name(member) for member in sorted(members)]
