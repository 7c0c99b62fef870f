"""Means over slides with an interval: a bootstrap over patients, or over slides where patients are not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over slides.

    Attributes
    ----------
    value : float
    low, high : float, optional
        95 % percentile interval; None where fewer than two patients (or slides) have a value.
    slides : int
        How many slides have a value.
    """

    value: float
    low: float | None
    high: float | None
    slides: int


def mean_of(values: ArrayLike, clusters: Sequence[str], seed: int) -> Mean | None:
    """Return the mean of the values that are not NaN, with a percentile interval (Efron and Tibshirani 1993, ch. 13).

    Parameters
    ----------
    values : (N,) floats
        One per slide; NaN where a slide has none.
    clusters : sequence of str
        Whose slide each is: slides of one patient are drawn together, because they are alike.
    seed : int
        Of numpy's default generator; the same seed draws the same patients for every measure.

    Returns
    -------
    Mean or None
        None if no slide has a value.
    """
    numbers = np.asarray(values, float)
    known = ~np.isnan(numbers)
    if not known.any():
        return None
    names, member = np.unique(np.asarray(clusters)[known], return_inverse=True)
    sums = np.bincount(member, numbers[known])
    counts = np.bincount(member)
    value = float(sums.sum() / counts.sum())
    if len(names) < 2:
        return Mean(value, None, None, int(known.sum()))
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES)
    means = (drawn @ sums) / (drawn @ counts)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Mean(value, float(low), float(high), int(known.sum()))
