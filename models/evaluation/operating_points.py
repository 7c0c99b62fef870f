"""Thresholds chosen for a sensitivity on a calibration set, locked, and then tried on other patients."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.estimates import Absent, Proportion, exact_proportion, proportion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SENSITIVITIES = (0.90, 0.95, 0.99)


@dataclass(frozen=True)
class Locked:
    """A threshold fixed before the patients under evaluation were looked at.

    Attributes
    ----------
    wanted
        Sensitivity it was chosen for.
    threshold
        A probability of at least this is called positive.
    reached
        Sensitivity on the calibration set.
    note
        What the calibration set is too small for; else empty.
    """

    wanted: float
    threshold: float
    reached: Proportion
    note: str


@dataclass(frozen=True)
class OperatingPoint:
    """A locked threshold on the patients under evaluation.

    Attributes
    ----------
    locked
        The threshold.
    tp, fp, fn, tn
        Patients.
    sensitivity, specificity, ppv, npv
        Each a proportion with its exact interval, or a sentence.
    rule_out
        Patients called negative, who would be spared the confirmatory test, among all.
    """

    locked: Locked
    tp: int
    fp: int
    fn: int
    tn: int
    sensitivity: Proportion | Absent
    specificity: Proportion | Absent
    ppv: Proportion | Absent
    npv: Proportion | Absent
    rule_out: Proportion | Absent


def lock_thresholds(
    labels: NDArray[np.int_], scores: NDArray[np.float64], wanted: Sequence[float] = SENSITIVITIES
) -> tuple[Locked, ...] | Absent:
    """Return for each sensitivity the highest threshold that reaches it on a calibration set.

    It is the score of the k-th highest positive patient, k the smallest whole number of positives that makes up the
    sensitivity; no threshold between two patients is invented.

    Parameters
    ----------
    labels, scores
        (N,) of the calibration set's patients.
    wanted
        Sensitivities, 0 to 1.
    """
    positives = np.sort(scores[labels == 1])[::-1]
    n_pos = len(positives)
    if n_pos == 0:
        return Absent("the calibration set has no positive patient, so no threshold can be chosen for a sensitivity")
    locked = []
    for sensitivity in wanted:
        # 0.9 * 10 is 9.000000000000002 in floating point, which must stay 9.
        needed = max(1, math.ceil(sensitivity * n_pos - 1e-9))
        threshold = float(positives[needed - 1])
        reached = exact_proportion(int((positives >= threshold).sum()), n_pos)
        coarse = needed == n_pos
        note = (
            f"with {n_pos} positive calibration patient{'s' if n_pos > 1 else ''} a sensitivity of "
            f"{100 * sensitivity:g} % means all of them: the threshold is the lowest score among them and rests on one "
            "patient"
        )
        locked.append(Locked(sensitivity, threshold, reached, note if coarse else ""))
    return tuple(locked)


def try_threshold(labels: NDArray[np.int_], scores: NDArray[np.float64], locked: Locked) -> OperatingPoint:
    """Apply a locked threshold to patients and count.

    Parameters
    ----------
    labels, scores
        (N,) of the patients under evaluation.
    locked
        The threshold.
    """
    called, positive = scores >= locked.threshold, labels == 1
    tp, fp = int((called & positive).sum()), int((called & ~positive).sum())
    fn, tn = int((~called & positive).sum()), int((~called & ~positive).sum())
    return OperatingPoint(
        locked=locked,
        tp=tp,
        fp=fp,
        fn=fn,
        tn=tn,
        sensitivity=proportion(tp, tp + fn, "positive patient"),
        specificity=proportion(tn, tn + fp, "negative patient"),
        ppv=proportion(tp, tp + fp, "patient called positive"),
        npv=proportion(tn, tn + fn, "patient called negative"),
        rule_out=proportion(tn + fn, len(labels), "patient"),
    )
