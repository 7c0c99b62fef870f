"""What the audit report shows, as plain values: from the chain's events, the audit, and what this centre kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsi_swarm.swarm.ledger.base import (
    Candidate,
    Committed,
    Deployed,
    Executed,
    Final,
    KeyRotated,
    MemberAdded,
    MemberRemoved,
    MemberReplaced,
    Proposed,
    Replacement,
    RunTerms,
    Void,
    VoidReason,
    Voted,
)
from wsi_swarm.swarm.oversight.record import RoundRecord, RunRecord, record_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wsi_swarm.swarm.config import RunConfig
    from wsi_swarm.swarm.ledger.base import Event, LedgerReader, Member
    from wsi_swarm.swarm.ledger.federation import Federation
    from wsi_swarm.swarm.node.checkpoint import Checkpoint
    from wsi_swarm.swarm.oversight.audit import Audit, RoundAudit

_VOID = {VoidReason.TOO_FEW_COMMITS: "few", VoidReason.NO_QUORUM: "quorum", VoidReason.REJECTED: "rejected"}


@dataclass(frozen=True)
class Sources:
    """What a report is made from.

    Attributes
    ----------
    times
        Unix seconds by block, as far as they are known.
    node
        What this centre's node last said of itself; empty if nothing.
    now
        Unix seconds at which the report is made.
    """

    reader: LedgerReader
    federation: Federation
    config: RunConfig
    checkpoint: Checkpoint
    audit: Audit
    name: str
    account: str
    times: Mapping[int, int]
    node: Mapping[str, Any]
    now: int
    software: str


def report_data(sources: Sources) -> dict[str, Any]:
    """Return all that the report shows, except for its words."""
    events, members = sources.reader.events()[0], sources.reader.members()
    record = record_of(events, sources.audit.run)
    state = sources.reader.run(sources.audit.run)
    names = _Names(sources.federation, members)
    me = next((member.index for member in members if member.account == sources.account), None)
    audited = {one.round: one for one in sources.audit.rounds}
    rounds = [_round(one, audited.get(one.round), names, sources.times) for one in record.ended]
    left = _left(record, me, len(members), sources)
    counts = {verdict: sum(one.verdict == verdict for one in sources.audit.rounds) for verdict in _VERDICTS}
    return {
        "run": {
            "number": sources.audit.run,
            "name": sources.config.name,
            "config_sha256": state.terms.config_hash.hex(),
            "first_root": state.terms.base_root.hex(),
            "last_root": state.base_root.hex(),
            "finals": state.finals,
            "rounds": state.terms.rounds,
            "finished": state.phase.name == "FINISHED",
            "min_peers": state.terms.min_peers,
            "committee": state.terms.committee,
            "max_weight": state.terms.max_weight,
            "weighting": sources.config.weighting,
            "merge": dict(sources.config.merge),
            "update_bits": sources.config.update_bits,
            "steps": sources.config.sync_steps,
            "epochs": sources.config.sync_epochs,
            "targets": [
                {"name": one.name, "positive": one.positive, "negative": list(one.negative)}
                for one in sources.config.targets
            ],
            "data": "table" if sources.config.table is not None else "tiles",
            "commit_s": state.terms.commit_seconds,
            "attest_s": state.terms.attest_seconds,
            "began": next((one["began"] for one in rounds if one["began"]), None),
            "ended": next((one["ended"] for one in reversed(rounds) if one["ended"]), None),
        },
        "swarm": {
            "chain_id": sources.federation.chain_id,
            "contract": sources.federation.contract,
            "code_hash": sources.federation.code_hash.hex(),
            "fingerprint": sources.federation.fingerprint,
        },
        "centre": {"name": sources.name, "account": sources.account, "index": me},
        "audit": {**{key.replace(" ", "_"): value for key, value in counts.items()}, "passed": sources.audit.passed},
        "left": left,
        "members": _members(events, members, record, names, sources.times),
        "votes": _votes(events, names, sources.times),
        "rounds": rounds,
        "losses": _losses(rounds),
        "strikes": [
            {"round": one.round, "member": names(one.member), "roots": [one.root_a.hex(), one.root_b.hex()]}
            for one in record.struck
        ],
        "leaves": [{"round": one.round, "member": names(one.member)} for one in record.left],
        "made": sources.now,
        "software": sources.software,
    }


_VERDICTS = ("verified", "void", "not kept", "failed")


class _Names:
    """Labels of members by index and by account, past ones too."""

    def __init__(self, federation: Federation, members: Sequence[Member]) -> None:
        self._by_index = {member.index: federation.name_of(member) for member in members}
        self._by_account = {known.account: known.name for known in federation.members}

    def __call__(self, member: int) -> str:
        return self._by_index[member]

    def account(self, account: str) -> str:
        return self._by_account.get(account, account)

    def instead_of_accounts(self, text: str) -> str:
        for account, name in self._by_account.items():
            text = text.replace(account, name)
        return text

    def several(self, members: frozenset[int] | set[int]) -> list[str]:
        return [self(member) for member in sorted(members)]


def _round(played: RoundRecord, found: RoundAudit | None, names: _Names, times: Mapping[int, int]) -> dict[str, Any]:
    end = played.end
    final = end if isinstance(end, Final) else None
    updates = {one.account: one for one in (found.updates if found else ())}
    contributors: frozenset[int] = final.contributors if final else frozenset()
    parts: list[dict[str, Any]] = []
    for member, commit in sorted(played.commits.items()):
        kept = updates.get(commit.account)
        parts.append(
            {
                "member": names(member),
                "merged": member in contributors,
                "attested": final is not None and member in final.attesters,
                "rejected": member in played.rejected,
                "commitment": commit.commitment.hex(),
                "weight": kept.weight if kept else None,
                "root": kept.root if kept else "",
                "bytes": kept.bytes if kept else None,
                "loss": kept.loss if kept else None,
            }
        )
    return {
        "round": played.round,
        "began": played.opened.opened_at if played.opened else None,
        "ended": times.get(end.block) if end else None,
        "final": final is not None,
        "why": _VOID[end.reason] if isinstance(end, Void) else "",
        "root": final.merged_root.hex() if final else "",
        "verdict": found.verdict if found else "not kept",
        "reason": names.instead_of_accounts(found.reason) if found else "",
        "parts": parts,
        "contributors": names.several(contributors),
        "attesters": names.several(final.attesters) if final else [],
        "rejected": names.several(played.rejected),
        "absent": names.several(played.opened.expected - played.commits.keys()) if played.opened else [],
    }


def _left(record: RunRecord, me: int | None, members: int, sources: Sources) -> dict[str, Any]:
    """Return what left this centre in the run."""
    mine = [played for played in record.ended if me in played.commits]
    sizes: list[int] = []
    for played in mine:
        kept = sources.checkpoint.kept_update(played.round, played.commits[me].account) if me is not None else None
        sizes += [len(kept.blob)] if kept else []
    finals = [played.end for played in record.ended if isinstance(played.end, Final)]
    electorates = [len(played.opened.electorate) - 1 for played in mine if played.opened is not None]
    return {
        "updates": len(mine),
        "sizes": len(sizes),
        "update_bytes": max(sizes, default=0),
        "all_bytes": sum(sizes) + (len(mine) - len(sizes)) * max(sizes, default=0),  # of void rounds none may be kept
        "recipients": max(electorates, default=members - 1),
        "weight": record.weights.get(me) if me is not None else None,
        "commitments": len(mine),
        "attestations": sum(me in final.attesters for final in finals),
        "sent": sources.node.get("bytes_out"),
        "received": sources.node.get("bytes_in"),
    }


def _members(
    events: Sequence[Event],
    members: Sequence[Member],
    record: RunRecord,
    names: _Names,
    times: Mapping[int, int],
) -> list[dict[str, Any]]:
    whole = sum(record.weights.values())
    history: dict[int, list[dict[str, Any]]] = {member.index: [] for member in members}
    for event in events:
        match event:
            case MemberAdded() | MemberRemoved() | MemberReplaced() | KeyRotated():
                told: dict[str, Any] = {
                    "what": type(event).__name__,
                    "at": times.get(event.block),
                    "block": event.block,
                }
                history[event.member].append(told)
            case _:
                pass
    committed = {(e.member, e.round) for e in events if isinstance(e, Committed) and e.run == record.run}
    finals = [played.end for played in record.ended if isinstance(played.end, Final)]
    return [
        {
            "index": member.index,
            "name": names(member.index),
            "account": member.account,
            "curve_key": member.curve_key.hex(),
            "active": member.active,
            "history": history[member.index],
            "weight": record.weights.get(member.index),
            "share": record.weights[member.index] / whole if member.index in record.weights else None,
            "commits": sum(who == member.index for who, _ in committed),
            "merged": sum(member.index in final.contributors for final in finals),
            "attested": sum(member.index in final.attesters for final in finals),
        }
        for member in members
    ]


def _votes(events: Sequence[Event], names: _Names, times: Mapping[int, int]) -> list[dict[str, Any]]:
    votes: dict[int, dict[str, Any]] = {}
    for event in events:
        match event:
            case Proposed():
                votes[event.proposal] = {
                    "id": event.proposal,
                    "kind": event.kind.name,
                    "about": _about(event, names),
                    "by": names(event.proposer),
                    "at": times.get(event.block),
                    "electorate": len(event.electorate),
                    "yes": [],
                    "no": [],
                    "carried": False,
                    "carried_at": None,
                }
            case Voted():
                votes[event.proposal]["yes" if event.yes else "no"].append(names(event.member))
            case Executed():
                votes[event.proposal] |= {"carried": True, "carried_at": times.get(event.block)}
            case _:
                pass
    return list(votes.values())


def _about(event: Proposed, names: _Names) -> str:
    match event.subject:
        case Candidate(account):
            return names.account(account)
        case Replacement(member, candidate):
            return f"{names(member)} ({candidate.account})"
        case RunTerms() as terms:
            return terms.config_hash.hex()[:12]
        case index:
            return names(index)


def _losses(rounds: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[int, float]]]:
    """Return the training losses by centre: pairs of round and loss."""
    told: dict[str, list[tuple[int, float]]] = {}
    for one in rounds:
        for part in one["parts"]:
            if part["loss"] is not None:
                told.setdefault(part["member"], []).append((one["round"], part["loss"]))
    return told


def blocks_of(events: Sequence[Event]) -> set[int]:
    """Return the blocks whose times a report shows."""
    shown = (
        Deployed,
        MemberAdded,
        MemberRemoved,
        MemberReplaced,
        KeyRotated,
        Proposed,
        Executed,
        Final,
        Void,
    )
    return {event.block for event in events if isinstance(event, shown)}
