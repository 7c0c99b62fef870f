"""The area under the ROC curve with an interval that stays honest for few patients."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from sklearn.metrics import roc_auc_score

from pipelines.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

METHOD = "Newcombe 2006, method 5"


@dataclass(frozen=True)
class Auroc:
    """An AUROC and its two-sided interval.

    Attributes
    ----------
    value, low, high
        The area and the interval's ends, 0 to 1.
    n_pos, n_neg
        Patients of each class.
    method
        How the interval was made.
    confidence
        Its nominal coverage.
    """

    value: float
    low: float
    high: float
    n_pos: int
    n_neg: int
    method: str = METHOD
    confidence: float = 0.95


def auroc_interval(y: ArrayLike, p: ArrayLike, confidence: float = 0.95) -> Auroc:
    """Return the AUROC with Newcombe's interval.

    The area is scikit-learn's. The interval is method 5 of Newcombe (Statistics in Medicine 2006; 25: 559-573): all
    theta with ``|A - theta| <= z sqrt(V(theta))``, where, for m and n patients and ``N = (m + n) / 2 - 1``,

    ``V(theta) = theta (1 - theta) (1 + N (1 - theta) / (2 - theta) + N theta / (1 + theta)) / (m n)``

    is the variance of Hanley and McNeil (Radiology 1982; 143: 29-36) with both of its sample sizes replaced by
    N. As the variance is that of theta and not of A, the interval does not shrink to a point at A = 0 or 1.

    Parameters
    ----------
    y
        Labels, 0 or 1.
    p
        Scores, higher for 1.
    confidence
        Nominal coverage.

    Raises
    ------
    InputError
        If a class is absent, a score is not finite, or the lengths differ.
    """
    labels, scores = np.asarray(y), np.asarray(p, float)
    if labels.shape != scores.shape or labels.ndim != 1 or not np.isin(labels, (0, 1)).all():
        msg = f"an AUROC needs one score per label of 0 or 1; got {scores.shape} scores and {labels.shape} labels"
        raise InputError(msg)
    n_pos, n_neg = int((labels == 1).sum()), int((labels == 0).sum())
    if n_pos == 0 or n_neg == 0:
        msg = f"an AUROC needs patients of both classes; there are {n_pos} positive and {n_neg} negative"
        raise InputError(msg)
    if not np.isfinite(scores).all():
        msg = f"{int((~np.isfinite(scores)).sum())} of {len(scores)} scores are not finite"
        raise InputError(msg)
    value = float(roc_auc_score(labels, scores))
    low, high = newcombe_interval(value, n_pos, n_neg, confidence)
    return Auroc(value, low, high, n_pos, n_neg, METHOD, confidence)


def newcombe_interval(area: float, n_pos: int, n_neg: int, confidence: float = 0.95) -> tuple[float, float]:
    """Solve for both ends of the interval of ``auroc_interval``, whose docstring holds the formula."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    size = (n_pos + n_neg) / 2.0 - 1.0

    def half_width(theta: float) -> float:
        spread = 1.0 + size * (1.0 - theta) / (2.0 - theta) + size * theta / (1.0 + theta)
        return z * math.sqrt(theta * (1.0 - theta) * spread / (n_pos * n_neg))

    # At the ends of the scale the half width is 0, which would be a false root at an area of 0 or 1: stay inside.
    inside = 1e-12
    low = 0.0 if area == 0.0 else brentq(lambda t: area - t - half_width(t), 0.0, min(area, 1.0 - inside))
    high = 1.0 if area == 1.0 else brentq(lambda t: t - area - half_width(t), max(area, inside), 1.0)
    return float(low), float(high)
