"""What the contract's events say of one run, put together round by round."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wsi_swarm.swarm.ledger.base import (
    Committed,
    Enrolled,
    Final,
    Left,
    MemberAdded,
    MemberReplaced,
    Rejected,
    RoundOpened,
    RunOpened,
    Struck,
    Void,
)
from wsi_swarm.swarm.ledger.typed_data import next_commits_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wsi_swarm.swarm.ledger.base import Event


@dataclass(frozen=True, slots=True)
class Commit:
    """A member's commitment, with the account that it had then."""

    account: str
    commitment: bytes


@dataclass
class RoundRecord:
    """One round; ``end`` is None while it goes on.

    Attributes
    ----------
    commits_hash
        What the commitments seen here chain to: the contract's own hash, unless the node hid or made up some.
    """

    round: int
    opened: RoundOpened | None = None
    commits: dict[int, Commit] = field(default_factory=dict[int, Commit])
    commits_hash: bytes = bytes(32)
    rejected: set[int] = field(default_factory=set[int])
    end: Final | Void | None = None


@dataclass
class RunRecord:
    """One run.

    Attributes
    ----------
    weights
        Merge weight by member, as enrolled.
    joined
        Round that was open when a member enrolled first.
    """

    run: int
    opened: RunOpened | None = None
    weights: dict[int, int] = field(default_factory=dict[int, int])
    joined: dict[int, int] = field(default_factory=dict[int, int])
    rounds: dict[int, RoundRecord] = field(default_factory=dict[int, RoundRecord])
    left: list[Left] = field(default_factory=list[Left])
    struck: list[Struck] = field(default_factory=list[Struck])

    @property
    def ended(self) -> list[RoundRecord]:
        """Rounds that are final or void, in order."""
        return [one for _, one in sorted(self.rounds.items()) if one.end is not None]


def record_of(events: Iterable[Event], run: int) -> RunRecord:
    """Put together the events of a run; they must be all of the contract's, in order."""
    record, accounts, commits_hash = RunRecord(run), dict[int, str](), bytes(32)

    def of(round_: int) -> RoundRecord:
        return record.rounds.setdefault(round_, RoundRecord(round_))

    for event in events:
        match event:
            case MemberAdded() | MemberReplaced():
                accounts[event.member] = event.account
            case RunOpened() if event.run == run:
                record.opened = event
            case Enrolled() if event.run == run:
                record.weights[event.member] = event.weight
                record.joined.setdefault(event.member, event.round)
            case Left() if event.run == run:
                record.left.append(event)
            case Struck() if event.run == run:
                record.struck.append(event)
            case RoundOpened() if event.run == run:
                of(event.round).opened = event
            case Committed() if event.run == run:
                commits_hash = next_commits_hash(commits_hash, event.round, event.member, event.commitment)
                of(event.round).commits[event.member] = Commit(accounts[event.member], event.commitment)
            case Rejected() if event.run == run:
                of(event.round).rejected.add(event.member)
            case Final() | Void() if event.run == run:
                of(event.round).end = event
                of(event.round).commits_hash = commits_hash
            case _:
                pass
    return record
