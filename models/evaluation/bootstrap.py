"""Seeded bootstrap, stratified by class, on counts instead of copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
_AT_ONCE = 250


@dataclass(frozen=True)
class Bootstrap:
    """Percentile intervals of one bootstrap: (low, high) of AUROC, AUPRC and Brier score."""

    auroc: tuple[float, float]
    auprc: tuple[float, float]
    brier: tuple[float, float]


def bootstrap(
    labels: ArrayLike, scores: ArrayLike, seed: int, resamples: int = RESAMPLES, confidence: float = 0.95
) -> Bootstrap:
    """Return percentile intervals (Efron and Tibshirani 1993, chapter 13).

    Positives and negatives are drawn apart, so that every resample has both classes and the prevalence seen.

    Parameters
    ----------
    labels
        (N,) 0 or 1, both there.
    scores
        (N,) probabilities.
    seed
        Of numpy's default generator; the same seed gives the same interval.
    resamples
        How many resamples are drawn.
    confidence
        Nominal coverage.
    """
    y, p = np.asarray(labels), np.asarray(scores, float)
    squares = (p - y) ** 2
    found: list[NDArray[np.float64]] = []
    for counts in _resampled_counts(y, np.random.default_rng(seed), resamples):
        auroc, auprc = weighted_areas(y, p, counts)
        found.append(np.stack([auroc, auprc, counts @ squares / len(y)]))
    tails = [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0]
    ends = np.quantile(np.concatenate(found, axis=1), tails, axis=1)
    auroc, auprc, brier = ((float(low), float(high)) for low, high in ends.T)
    return Bootstrap(auroc, auprc, brier)


def weighted_areas(
    y: NDArray[np.int_], scores: NDArray[np.float64], weights: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return AUROC and average precision of many weightings of the same patients at once.

    Both are scikit-learn's ``roc_auc_score`` and ``average_precision_score`` with ``sample_weight``, which would need
    one call and one sort per resample.

    Parameters
    ----------
    y, scores
        (N,) labels and scores.
    weights
        (B, N) how often each patient counts; each row has both classes.

    Returns
    -------
    auroc, auprc
        (B,) each.
    """
    order = np.argsort(-scores, kind="stable")
    # Equal scores are one threshold: only the last patient of each tie closes a point of the curves.
    closes = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    sorted_weights = weights[:, order].astype(float)
    positive = y[order] == 1
    tp = np.cumsum(sorted_weights * positive, axis=1)[:, closes]
    fp = np.cumsum(sorted_weights * ~positive, axis=1)[:, closes]
    tpr, fpr = tp / tp[:, -1:], fp / fp[:, -1:]
    before = np.zeros((len(weights), 1))
    steps = np.diff(np.hstack([before, fpr]), axis=1)
    auroc = (steps * (tpr + np.hstack([before, tpr[:, :-1]])) / 2.0).sum(axis=1)
    called = tp + fp
    precision = np.divide(tp, called, out=np.zeros_like(tp), where=called > 0)
    auprc = (np.diff(np.hstack([before, tpr]), axis=1) * precision).sum(axis=1)
    return auroc, auprc


def _resampled_counts(y: NDArray[np.int_], rng: np.random.Generator, resamples: int) -> Iterator[NDArray[np.int64]]:
    strata = [np.flatnonzero(y == label) for label in (0, 1)]
    for start in range(0, resamples, _AT_ONCE):
        rows = min(_AT_ONCE, resamples - start)
        counts = np.zeros((rows, len(y)), np.int64)
        for members in strata:
            counts[:, members] = rng.multinomial(len(members), np.full(len(members), 1.0 / len(members)), size=rows)
        yield counts
