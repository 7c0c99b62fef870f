"""State of one run in the pure model of the contract, and what follows from it at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wsi_swarm.swarm.ledger.base import Phase, committee, quorum

if TYPE_CHECKING:
    from wsi_swarm.swarm.ledger.events import RunTerms

NOBODY: frozenset[int] = frozenset()


@dataclass
class RunModel:
    """The sets are those of the current round; see ``RunState`` for what each holds."""

    terms: RunTerms
    base_root: bytes
    opened_at: int
    opened_block: int
    round: int = 0
    finals: int = 0
    closed_at: int = 0
    enrolled: frozenset[int] = NOBODY
    joining: frozenset[int] = NOBODY
    electorate: frozenset[int] = NOBODY
    expected: frozenset[int] = NOBODY
    committed: frozenset[int] = NOBODY
    rejected: frozenset[int] = NOBODY
    struck: frozenset[int] = NOBODY
    commits_hash: bytes = bytes(32)
    weights: dict[int, int] = field(default_factory=dict[int, int])

    def commits_closed_at(self, now: int) -> int | None:
        """When the commits closed, or None while they are open at ``now``."""
        if self.closed_at:
            return self.closed_at
        deadline = self.opened_at + self.terms.commit_seconds
        return deadline if now >= deadline else None

    @property
    def committee(self) -> frozenset[int]:
        """Committers that attest."""
        return committee(self.committed, self.round, self.terms.committee)

    @property
    def quorum(self) -> int:
        """Signatures that make the round final."""
        return quorum(len(self.committee), self.terms.min_peers)

    def attesters(self, active: frozenset[int]) -> frozenset[int]:
        """Members whose signatures count in this round."""
        return self.committee & active - self.rejected

    def phase(self, now: int, active: frozenset[int]) -> Phase:
        """Where the run stands at ``now`` with these active members."""
        if self.finals == self.terms.rounds:
            return Phase.FINISHED
        if self.round == 0:
            return Phase.ENROL
        closed_at = self.commits_closed_at(now)
        if closed_at is None:
            return Phase.COMMIT
        in_time = now < closed_at + self.terms.attest_seconds
        return Phase.ATTEST if in_time and len(self.attesters(active)) >= self.quorum else Phase.OVERDUE
