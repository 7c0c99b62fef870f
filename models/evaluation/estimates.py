"""What a number of an evaluation is: a value with an interval, a proportion, or a sentence why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.stats import binomtest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_PER_CLASS = 10
"""Positive, and negative, patients that a centre, a subgroup or a calibration needs before a number is shown."""


@dataclass(frozen=True)
class Absent:
    """A number that can't be given, with the sentence that says why."""

    reason: str


@dataclass(frozen=True)
class Estimate:
    """A value, its two-sided 95 % interval, and how that was made."""

    value: float
    low: float
    high: float
    method: str


@dataclass(frozen=True)
class Proportion:
    """``count`` of ``total`` patients, with the exact interval."""

    count: int
    total: int
    value: float
    low: float
    high: float


def exact_proportion(count: int, total: int, confidence: float = 0.95) -> Proportion:
    """Return a proportion of at least one patient with the interval of Clopper and Pearson, by scipy.

    Biometrika 1934; 26: 404-413. It covers at least ``confidence``.
    """
    ends = binomtest(count, total).proportion_ci(confidence, method="exact")
    return Proportion(count, total, count / total, float(ends.low), float(ends.high))


def proportion(count: int, total: int, of_what: str) -> Proportion | Absent:
    """Return ``exact_proportion``, or for a total of 0 the sentence that there is no ``of_what``."""
    return exact_proportion(count, total) if total else Absent(f"there is no {of_what}")


def too_few(labels: NDArray[np.int_], minimum: int = MIN_PER_CLASS) -> str:
    """Return why a group of patients is too small for a number, or an empty string."""
    n_pos = int((labels == 1).sum())
    n_neg = len(labels) - n_pos
    if n_pos >= minimum and n_neg >= minimum:
        return ""
    if not len(labels):
        return "no patient"
    if n_pos == 0 or n_neg == 0:
        which = "negative" if n_pos == 0 else "positive"
        return f"only {which} patients ({len(labels)}), and two classes are needed"
    return f"too few patients ({n_pos} positive, {n_neg} negative; at least {minimum} of each are needed)"
