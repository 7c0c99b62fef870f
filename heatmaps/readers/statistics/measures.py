"""What a number of a reader study is: a value, its interval or the sentence why there is none, and what it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.evaluation.estimates import Absent

__all__ = ["Absent", "Interval", "Measure", "Test", "within"]


@dataclass(frozen=True)
class Interval:
    """Two ends, and how they were made (with the seed where one was used)."""

    low: float
    high: float
    method: str


@dataclass(frozen=True)
class Measure:
    """A coefficient or a difference.

    Attributes
    ----------
    name
        As in the literature.
    value
        The estimate.
    interval
        Two-sided, or why there is none.
    items, readers
        How many of each the value rests on.
    note
        What was left out or assumed; empty if nothing.
    """

    name: str
    value: float
    interval: Interval | Absent
    items: int
    readers: int
    note: str = ""


@dataclass(frozen=True)
class Test:
    """A test of a hypothesis.

    Attributes
    ----------
    name
        Of the test.
    statistic
        Its value; None for exact tests that have none.
    df
        Degrees of freedom: of the numerator and denominator of an F, of a t or a chi-squared; empty for exact tests.
    p
        Two-sided.
    """

    __test__ = False

    name: str
    statistic: float | None
    df: tuple[float, ...]
    p: float


def within(low: float, high: float, floor: float = -math.inf, ceiling: float = math.inf) -> tuple[float, float]:
    """Cut an interval at the ends of its scale."""
    return max(low, floor), min(high, ceiling)
