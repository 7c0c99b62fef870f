"""What the numbers and words of an analysis are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal[
    "text", "count", "share", "points", "number", "signed", "mean", "steps", "precise", "seconds", "ratio", "p"
]
"""Of a column: share in per cent, points a difference of shares, mean a value on a scale and steps a difference of
such, ratio a factor, p of a test."""


@dataclass(frozen=True)
class Word:
    """A word of the report, by its key in the wording; names of the study are plain strings."""

    key: str
