"""What a simulated member is made of: a process that dies with all it knows, and a disk that may outlive it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wsi_swarm.swarm.node.checkpoint import MAX_MERGES
from wsi_swarm.swarm.state.encoding import FixedState

if TYPE_CHECKING:
    from wsi_swarm.swarm.protocol.round import Machine, OwnUpdate
    from wsi_swarm.swarm.simulation.faults import Damage, Drift, Outage


@dataclass
class Process:
    """One member's process: dies with all it knows but its disk."""

    machine: Machine
    generation: int
    drift: Drift
    round: int = 0
    base_root: bytes = b""
    looking: bool = False
    frozen_until: float = 0.0


@dataclass
class Disk:
    """What a member has written, as ``node.checkpoint`` keeps it.

    Attributes
    ----------
    whole
        Whether nothing that was written to it was ever lost.
    """

    update: OwnUpdate | None = None
    model: FixedState | None = None
    merges: list[FixedState] = field(default_factory=list[FixedState])
    whole: bool = True

    def keep_merge(self, merged: FixedState) -> None:
        """Keep a merge that is about to be attested to."""
        self.merges = [*self.merges, merged][-MAX_MERGES:]

    def models(self, initial: FixedState) -> list[FixedState]:
        """Return what a member starts with that knows the initial model."""
        return [self.model or initial, *self.merges]

    def lose(self, damage: Damage) -> None:
        """Lose what an outage costs."""
        self.whole = self.whole and damage == "none"
        if damage in ("update", "all"):
            self.update = None
        if damage in ("model", "all"):
            self.model, self.merges = None, []


@dataclass
class Dying:
    """An outage that strikes after some more actions."""

    outage: Outage
    steps: int
