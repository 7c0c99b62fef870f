"""What came of a simulated swarm."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsi_swarm.swarm.protocol.events import Note
    from wsi_swarm.swarm.protocol.message import Reveal
    from wsi_swarm.swarm.state.encoding import FixedState


@dataclass
class Record:
    """What the members did and noticed; it grows while the swarm runs.

    Attributes
    ----------
    models
        Last adopted model by member.
    kept
        Updates kept for the audit: ``(keeper, round, member) -> canonical bytes``.
    reveals
        What opens their commitments, by ``(round, member)``.
    adopted, adopted_at
        All models that a member adopted, in order; and when it adopted the last one.
    notes
        ``(member that noticed, note)``.
    left
        Members whose process has ended in peace.
    trainings
        ``(member, number of its process, final rounds behind it)`` of each training that was begun.
    steps, looks
        Actions that were carried out, and looks at the chain that a machine asked for.
    """

    models: dict[int, FixedState] = field(default_factory=dict[int, "FixedState"])
    kept: dict[tuple[int, int, int], bytes] = field(default_factory=dict[tuple[int, int, int], bytes])
    reveals: dict[tuple[int, int], Reveal] = field(default_factory=dict[tuple[int, int], "Reveal"])
    adopted: dict[int, list[FixedState]] = field(default_factory=dict[int, "list[FixedState]"])
    adopted_at: dict[int, float] = field(default_factory=dict[int, float])
    notes: list[tuple[int, Note]] = field(default_factory=list["tuple[int, Note]"])
    left: set[int] = field(default_factory=set[int])
    trainings: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    steps: int = 0
    looks: int = 0
