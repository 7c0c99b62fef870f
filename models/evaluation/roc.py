"""AUROC with DeLong's variance, and the paired covariance of several models."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from models.evaluation.estimates import Absent, Estimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

DELONG = "DeLong 1988"


@dataclass(frozen=True)
class DeLong:
    """Areas of K models on the same patients.

    Attributes
    ----------
    areas
        (K,) AUROCs.
    covariance
        (K, K) their estimated covariance.
    """

    areas: NDArray[np.float64]
    covariance: NDArray[np.float64]


def delong(labels: ArrayLike, scores: ArrayLike) -> DeLong:
    """Return the AUROCs of models on the same patients, and their covariance.

    DeLong, DeLong and Clarke-Pearson (Biometrics 1988; 44: 837-845): with the structural components
    ``V10(X_i) = mean_j psi(X_i, Y_j)`` of the m positives and ``V01(Y_j) = mean_i psi(X_i, Y_j)`` of the n negatives,
    psi being 1, 1/2 or 0, the covariance is ``cov(V10) / m + cov(V01) / n``. The components come from midranks
    (Sun and Xu, IEEE Signal Processing Letters 2014; 21: 1389-1393), in O(N log N).

    Parameters
    ----------
    labels
        (N,) 0 or 1; at least two patients of each class, else a variance is not defined.
    scores
        (N,) of one model or (K, N) of several, higher for 1.
    """
    y, table = np.asarray(labels), np.atleast_2d(np.asarray(scores, float))
    positive = y == 1
    m, n = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(table, axis=1)
    v10 = (ranks[:, positive] - rankdata(table[:, positive], axis=1)) / n
    v01 = 1.0 - (ranks[:, ~positive] - rankdata(table[:, ~positive], axis=1)) / m
    covariance = np.atleast_2d(np.cov(v10)) / m + np.atleast_2d(np.cov(v01)) / n
    return DeLong(v10.mean(axis=1), covariance)


def delong_interval(labels: ArrayLike, scores: ArrayLike, confidence: float = 0.95) -> Estimate | Absent:
    """Return one model's AUROC with ``A +- z sqrt(var A)``, cut at 0 and 1, as pROC gives it.

    Where the variance is 0 (perfect separation) the interval would be a point, which is no statement about other
    patients; then, and with fewer than two patients of a class, a sentence is returned.
    """
    y = np.asarray(labels)
    if min((y == 1).sum(), (y == 0).sum()) < 2:
        return Absent("DeLong's variance needs at least two patients of each class")
    found = delong(labels, scores)
    area, variance = float(found.areas[0]), float(found.covariance[0, 0])
    if variance <= 1e-15:
        return Absent("DeLong's variance is 0 here (perfect separation), so its interval would claim certainty")
    half = NormalDist().inv_cdf(0.5 + confidence / 2.0) * variance**0.5
    return Estimate(area, max(0.0, area - half), min(1.0, area + half), DELONG)
