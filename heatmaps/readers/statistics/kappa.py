"""Cohen's kappa of two readers, plain and weighted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.stats import norm
from statsmodels.stats.inter_rater import cohens_kappa

from heatmaps.readers.statistics.answers_table import MISSING, clusters_of, coded
from heatmaps.readers.statistics.measures import Absent, Interval, Measure, within
from heatmaps.readers.statistics.resampling import RESAMPLES, percentile_interval
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

_FLEISS_COHEN_EVERITT = "asymptotic, Fleiss, Cohen and Everitt 1969"


def cohen_kappa(
    answers: Any,
    *,
    weighting: Literal["nominal", "linear", "quadratic"] = "nominal",
    categories: Sequence[Any] | None = None,
    clusters: ArrayLike | None = None,
    seed: int | None = None,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
) -> Measure | Absent:
    """Return Cohen's kappa (Educ Psychol Meas 1960; 20: 37-46), or weighted (Psychol Bull 1968; 70: 213-220).

    By statsmodels. The interval is asymptotic, from the variance of Fleiss, Cohen and Everitt (Psychological Bulletin
    1969; 72: 323-327), which takes items as independent; where ``clusters`` (patients) are given, it is the bootstrap
    over them, seeded with ``seed``. The asymptotic one is too narrow below some 30 items.

    Parameters
    ----------
    answers
        Items by exactly two readers; items that one of them left out are not used.
    weighting
        Disagreement by distance in the categories' order: none, linear, or quadratic (usual for ordinal scales).
    categories
        All categories in order; needed for weights if one was never chosen.
    clusters, seed, resamples
        Of the bootstrap.
    confidence
        Nominal coverage of the asymptotic interval.

    Raises
    ------
    ConfigError
        If there are clusters and no seed.
    """
    if clusters is not None and seed is None:
        msg = "Cohen's kappa over clusters is bootstrapped, which needs a seed"
        raise ConfigError(msg)
    table = coded(answers, categories)
    if table.codes.shape[1] != 2:
        return Absent(f"Cohen's kappa is for two readers, and there are {table.codes.shape[1]}")
    both = (table.codes != MISSING).all(axis=1)
    first, second = table.codes[both].T
    name = "Cohen's kappa" if weighting == "nominal" else f"Cohen's kappa, {weighting} weights"
    if len(first) < 2:
        return Absent(f"{name} needs at least two items that both readers answered; there are {len(first)}")
    q = len(table.categories)
    cells = first * q + second

    def kappa(w: NDArray[np.float64]) -> float:
        square = np.bincount(cells, weights=w, minlength=q * q).reshape(q, q)
        expected = np.outer(square.sum(axis=1), square.sum(axis=0)) / max(square.sum(), 1.0)
        worst = _distance(q, weighting)
        bottom = (worst * expected).sum()
        return float(1.0 - (worst * square).sum() / bottom) if bottom > 1e-12 else np.nan

    ones = np.ones(len(cells))
    value = kappa(ones)
    if not np.isfinite(value):
        return Absent(f"{name} is undefined: both readers gave every item the same answer")
    left_out = int((~both).sum())
    note = f"{left_out} items answered by one reader only are left out" if left_out else ""
    if clusters is not None and seed is not None:
        groups = {"clusters of items": clusters_of(clusters, len(both))[both]}
        return Measure(name, value, percentile_interval(kappa, groups, seed, resamples), len(cells), 2, note)
    square = np.bincount(cells, minlength=q * q).reshape(q, q)
    with np.errstate(invalid="ignore", divide="ignore"):  # of its z, which is not used
        found = cohens_kappa(square, wt=None if weighting == "nominal" else weighting)
    error = float(max(found.var_kappa, 0.0)) ** 0.5
    if error < 1e-9:
        return Measure(name, value, Absent("the variance is 0 (perfect agreement)"), len(cells), 2, note)
    half = float(norm.ppf(0.5 + confidence / 2.0)) * error
    low, high = within(value - half, value + half, -1.0, 1.0)
    return Measure(name, value, Interval(low, high, _FLEISS_COHEN_EVERITT), len(cells), 2, note)


def _distance(q: int, weighting: str) -> NDArray[np.float64]:
    apart = np.abs(np.subtract.outer(np.arange(q), np.arange(q))).astype(float)
    return {"nominal": (apart > 0).astype(float), "linear": apart, "quadratic": apart**2}[weighting]
