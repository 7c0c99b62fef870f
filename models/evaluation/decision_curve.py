"""Whether acting on the model does more good than testing everybody or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

THRESHOLDS = tuple(round(0.01 * step, 2) for step in range(1, 51))
"""Probabilities from which on a reader would order the confirmatory test."""

SHOWN = (0.02, 0.05, 0.10, 0.20, 0.30)
"""Thresholds of the report's table; the plot and the CSV file have all."""


@dataclass(frozen=True)
class NetBenefit:
    """Net benefit per patient at one threshold.

    Attributes
    ----------
    threshold
        Probability from which on a patient is called positive.
    model, everybody
        Of acting on the model, and of calling everybody positive; calling nobody positive has 0.
    spared_per_100
        Confirmatory tests that the model spares per 100 patients against testing everybody, at no loss of net benefit.
    """

    threshold: float
    model: float
    everybody: float
    spared_per_100: float


def decision_curve(
    labels: NDArray[np.int_], scores: NDArray[np.float64], thresholds: Sequence[float] = THRESHOLDS
) -> tuple[NetBenefit, ...]:
    """Return the decision curve.

    Vickers and Elkin (Medical Decision Making 2006; 26: 565-574): ``NB(t) = TP / n - FP / n * t / (1 - t)``. Tests
    spared are ``(NB - NB_everybody) / (t / (1 - t))``. How to read it: Vickers, van Calster and Steyerberg (Diagnostic
    and Prognostic Research 2019; 3: 18).

    Parameters
    ----------
    labels, scores
        (N,) labels 0 or 1, and probabilities; at least one patient.
    thresholds
        Within 0 and 1, both excluded.
    """
    n, positive = len(labels), labels == 1
    prevalence = positive.mean()
    curve = []
    for threshold in thresholds:
        odds = threshold / (1.0 - threshold)
        called = scores >= threshold
        model = ((called & positive).sum() - (called & ~positive).sum() * odds) / n
        everybody = prevalence - (1.0 - prevalence) * odds
        curve.append(NetBenefit(threshold, float(model), float(everybody), float(100 * (model - everybody) / odds)))
    return tuple(curve)


def useful_range(curve: Sequence[NetBenefit]) -> tuple[float, float] | None:
    """Return the longest run of thresholds at which the model beats both testing everybody and testing nobody."""
    best: tuple[int, int] | None = None
    start: int | None = None
    for index, point in enumerate([*curve, None]):
        if point is not None and point.model > max(point.everybody, 0.0) + 1e-12:
            start = index if start is None else start
        elif start is not None:
            if best is None or index - start > best[1] - best[0]:
                best = (start, index)
            start = None
    return None if best is None else (curve[best[0]].threshold, curve[best[1] - 1].threshold)
