"""Agreement of any number of readers: share of equal answers, Fleiss' kappa, Krippendorff's alpha, Gwet's AC1 and AC2.

All of them take answers as items by readers with gaps, need at least two answers on some items, and get their interval
from a seeded bootstrap over items, or over ``clusters`` of items (patients) where those are given: answers on tiles of
one patient are not independent. Readers are not resampled, so an interval speaks of these readers. Items with fewer
than two answers tell nothing about agreement; they still count for the share of each category in Fleiss' and Gwet's
coefficients, as in Gwet (Handbook of Inter-Rater Reliability, 4th edition, 2014), and not in Krippendorff's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from heatmaps.readers.statistics.answers_table import MISSING, Coded, clusters_of, coded, number_table
from heatmaps.readers.statistics.measures import Absent, Measure
from heatmaps.readers.statistics.resampling import RESAMPLES, percentile_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

Weighting = Literal["nominal", "linear", "quadratic"]
Level = Literal["nominal", "ordinal", "interval"]


def percent_agreement(
    answers: Any, *, seed: int, clusters: ArrayLike | None = None, resamples: int = RESAMPLES
) -> Measure | Absent:
    """Return the share of pairs of readers who gave an item the same answer, averaged over items.

    Not corrected for chance: it belongs beside every coefficient that is.
    """
    table = coded(answers)
    counts = table.counts()
    useful, observed = _observed(counts, np.eye(counts.shape[1]))

    def share(w: NDArray[np.float64]) -> float:
        return _ratio(w @ observed, w @ useful)

    return _measure("percent agreement", table, share, seed, clusters, resamples)


def fleiss_kappa(
    answers: Any,
    *,
    seed: int,
    weighting: Weighting = "nominal",
    categories: Sequence[Any] | None = None,
    clusters: ArrayLike | None = None,
    resamples: int = RESAMPLES,
) -> Measure | Absent:
    """Return Fleiss' kappa (Psychological Bulletin 1971; 76: 378-382), with Gwet's extension to gaps and weights.

    Chance agreement is that of readers who all draw from the categories' overall shares. With rare categories kappa is
    low although almost all answers agree: read it beside ``percent_agreement`` and ``gwet_ac``.
    """
    table = coded(answers, categories)
    counts, weights = table.counts(), _weights(len(table.categories), weighting)
    useful, observed = _observed(counts, weights)
    given, shares = _shares(counts)

    def kappa(w: NDArray[np.float64]) -> float:
        pi = (w @ shares) / max(w @ given, 1.0)
        return _corrected(_ratio(w @ observed, w @ useful), float(pi @ weights @ pi))

    name = "Fleiss' kappa" if weighting == "nominal" else f"Fleiss' kappa, {weighting} weights"
    return _measure(name, table, kappa, seed, clusters, resamples)


def gwet_ac(
    answers: Any,
    *,
    seed: int,
    categories: Sequence[Any],
    weighting: Weighting = "nominal",
    clusters: ArrayLike | None = None,
    resamples: int = RESAMPLES,
) -> Measure | Absent:
    """Return Gwet's AC1 (nominal) or AC2 (weighted) (Br J Math Stat Psychol 2008; 61: 29-48).

    Chance agreement is ``T sum pi (1 - pi) / (q (q - 1))`` over all q categories that could be chosen, T being the sum
    of the weights; it stays small where one category is rare, so AC1 does not collapse there as kappa does.
    """
    table = coded(answers, categories)
    q = len(table.categories)
    if q < 2:
        return Absent("Gwet's coefficient needs at least two categories that could be chosen")
    counts, weights = table.counts(), _weights(q, weighting)
    useful, observed = _observed(counts, weights)
    given, shares = _shares(counts)

    def ac(w: NDArray[np.float64]) -> float:
        pi = (w @ shares) / max(w @ given, 1.0)
        expected = float(weights.sum() * (pi * (1.0 - pi)).sum() / (q * (q - 1)))
        return _corrected(_ratio(w @ observed, w @ useful), expected)

    name = "Gwet's AC1" if weighting == "nominal" else f"Gwet's AC2, {weighting} weights"
    return _measure(name, table, ac, seed, clusters, resamples)


def krippendorff_alpha(
    answers: Any,
    *,
    seed: int,
    level: Level,
    categories: Sequence[Any] | None = None,
    clusters: ArrayLike | None = None,
    resamples: int = RESAMPLES,
) -> Measure | Absent:
    """Return Krippendorff's alpha (Content Analysis, 2004, chapter 11): 1 - observed / expected disagreement.

    Disagreement of two answers is 0 or 1 (nominal), the squared number of answers between them (ordinal, from the
    coincidences' margins) or the squared difference (interval; the categories must be numbers).
    """
    table = coded(answers, categories)
    counts = table.counts()
    pairable = counts.sum(axis=1) >= 2
    q = counts.shape[1]
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(q)
    coincidences = (pairs / np.maximum(counts.sum(axis=1) - 1.0, 1.0)[:, None, None]).reshape(len(counts), q * q)
    coincidences[~pairable] = 0.0
    numbers = number_table([table.categories])[0] if level == "interval" else np.zeros(q)

    def alpha(w: NDArray[np.float64]) -> float:
        together = (w @ coincidences).reshape(q, q)
        margin = together.sum(axis=0)
        total = margin.sum()
        if total <= 1.0:
            return np.nan
        if level == "nominal":
            distance = 1.0 - np.eye(q)
        else:
            scale = numbers if level == "interval" else np.cumsum(margin) - margin / 2.0
            distance = (scale[:, None] - scale) ** 2
        expected = (np.outer(margin, margin) * distance).sum() / (total - 1.0)
        return float(1.0 - (together * distance).sum() / expected) if expected > 1e-12 else np.nan

    return _measure(f"Krippendorff's alpha, {level}", table, alpha, seed, clusters, resamples)


def _weights(q: int, weighting: Weighting) -> NDArray[np.float64]:
    """Return how far two categories count as agreeing, by their distance in the order given."""
    if weighting == "nominal" or q < 2:
        return np.eye(q)
    apart = np.abs(np.subtract.outer(np.arange(q), np.arange(q))) / (q - 1)
    return 1.0 - (apart if weighting == "linear" else apart**2)


def _observed(
    counts: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return which items have two answers, and each item's share of agreeing pairs (0 where it has no pair)."""
    total = counts.sum(axis=1)
    agreeing = (counts * (counts @ weights - 1.0)).sum(axis=1)
    return (total >= 2).astype(float), np.where(total >= 2, agreeing / np.maximum(total * (total - 1.0), 1.0), 0.0)


def _shares(counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    total = counts.sum(axis=1)
    return (total >= 1).astype(float), counts / np.maximum(total, 1.0)[:, None]


def _ratio(top: float, bottom: float) -> float:
    return float(top / bottom) if bottom > 0 else np.nan


def _corrected(observed: float, expected: float) -> float:
    return (observed - expected) / (1.0 - expected) if expected < 1.0 - 1e-12 else np.nan


def _measure(
    name: str,
    table: Coded,
    statistic: Callable[[NDArray[np.float64]], float],
    seed: int,
    clusters: ArrayLike | None,
    resamples: int,
) -> Measure | Absent:
    answered = (table.codes != MISSING).sum(axis=1)
    items = int((answered >= 2).sum())
    if not items:
        return Absent("no item was answered by two readers")
    value = statistic(np.ones(len(answered)))
    if not np.isfinite(value):
        return Absent(f"{name} is undefined: every answer is the same, so chance alone explains all agreement")
    factor = (
        {"items": np.arange(len(answered))}
        if clusters is None
        else {"clusters of items": clusters_of(clusters, len(answered))}
    )
    interval = percentile_interval(statistic, factor, seed, resamples)
    single = int((answered < 2).sum())
    note = f"{single} items with fewer than two answers hold no agreement" if single else ""
    return Measure(name, value, interval, items, table.codes.shape[1], note)
