"""What was found in a kit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heatmaps.readers.blinding.prediction import Prediction


@dataclass(frozen=True)
class Leak:
    """A file of the kit, and what it tells."""

    file: str
    sentence: str


@dataclass
class Proof:
    """What was looked at and what was found."""

    kit: str
    reader: str
    files: int = 0
    names: int = 0
    names_too_short: int = 0
    leaks: list[Leak] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)

    def add(self, file: str, sentence: str) -> None:
        """Note a leak once."""
        leak = Leak(file, sentence)
        if leak not in self.leaks:
            self.leaks.append(leak)
