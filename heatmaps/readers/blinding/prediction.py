"""Does something that a reader can see without looking at the tissue predict the group?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.evaluation.auroc import Auroc, auroc_interval

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Prediction:
    """How well ``what`` tells ``group`` from the others; 0.5 is not at all."""

    what: str
    group: str
    auroc: Auroc

    @property
    def tells(self) -> bool:
        """Whether the interval leaves no room for chance."""
        return not self.auroc.low <= 0.5 <= self.auroc.high


def predictions(what: str, values: Sequence[float], groups: Sequence[str]) -> list[Prediction]:
    """Judge a value against each group; nothing where all are of one group."""
    kinds = sorted(set(groups))
    if len(kinds) < 2:
        return []
    # Of two groups the second mirrors the first.
    judged = kinds if len(kinds) > 2 else kinds[:1]
    return [
        Prediction(what, kind, auroc_interval([int(group == kind) for group in groups], list(values)))
        for kind in judged
    ]
