"""The same reader on the same item twice: how far a reader agrees with himself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import t as t_distribution

from heatmaps.readers.statistics.columns import having
from heatmaps.readers.statistics.kappa import cohen_kappa
from heatmaps.readers.statistics.measures import Absent, Interval, Measure
from models.evaluation.estimates import Proportion, proportion

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class SelfAgreement:
    """One reader's repeats.

    Attributes
    ----------
    reader
        Name.
    equal
        Repeats with the same answer, with the exact interval.
    kappa
        Of first and second answer.
    """

    reader: str
    equal: Proportion | Absent
    kappa: Measure | Absent


@dataclass(frozen=True)
class Limits:
    """Limits of agreement of Bland and Altman.

    Attributes
    ----------
    bias
        Mean of first minus second, with its t interval on n - 1 degrees of freedom.
    low, high
        Bias -+ 1.96 standard deviations of the differences: about 95 % of differences lie between.
    """

    bias: Measure
    low: float
    high: float


def self_agreement(
    frame: pd.DataFrame, categories: Sequence[Any], weighting: str = "quadratic"
) -> tuple[SelfAgreement, ...]:
    """Return each reader's agreement with himself on repeated items.

    Cohen's kappa, by default with quadratic weights for ordinal scales; it takes items as independent.

    Parameters
    ----------
    frame
        Columns ``reader``, ``item``, ``first``, ``second``: a row per item that a reader saw twice.
    categories
        All answers in order.
    weighting
        As in ``kappa.cohen_kappa``.
    """
    rows = having(frame, ("reader", "item", "first", "second")).dropna()
    found = []
    for reader, own in rows.groupby("reader"):
        same = int((own["first"] == own["second"]).sum())
        kappa = cohen_kappa(own[["first", "second"]], weighting=weighting, categories=categories)  # type: ignore[arg-type]
        found.append(SelfAgreement(str(reader), proportion(same, len(own), "repeated item"), kappa))
    return tuple(found)


def limits_of_agreement(first: ArrayLike, second: ArrayLike, confidence: float = 0.95) -> Limits | Absent:
    """Return Bland and Altman's limits (Lancet 1986; 1: 307-310) of two sets of numbers on the same items.

    Two sessions of one reader, or two readers. Differences are taken as independent, normal and alike over the scale.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    there = np.isfinite(a) & np.isfinite(b)
    d = (a - b)[there]
    if len(d) < 3:
        return Absent(f"limits of agreement need at least three items with both numbers; there are {len(d)}")
    mean, spread = float(d.mean()), float(d.std(ddof=1))
    left_out = int((~there).sum())
    note = f"{left_out} items without both numbers are left out" if left_out else ""
    half = float(t_distribution.ppf(0.5 + confidence / 2.0, len(d) - 1)) * spread / len(d) ** 0.5
    how = f"t with {len(d) - 1} degrees of freedom, {confidence:.0%}"
    interval = (
        Interval(mean - half, mean + half, how)
        if spread > 1e-12
        else Absent("all differences are the same, so an interval would claim certainty")
    )
    bias = Measure("bias, first minus second", mean, interval, len(d), 2, note)
    return Limits(bias, mean - 1.96 * spread, mean + 1.96 * spread)
