"""How well a model ranks patients: AUROC with three intervals, AUPRC beside the prevalence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sklearn.metrics import average_precision_score

from models.evaluation.auroc import Auroc, auroc_interval
from models.evaluation.bootstrap import RESAMPLES, bootstrap
from models.evaluation.estimates import Absent, Estimate, Proportion, exact_proportion
from models.evaluation.roc import delong_interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Discrimination:
    """Ranking of one model's patients.

    Attributes
    ----------
    auroc
        With Newcombe's interval, which stays honest for few patients and at perfect separation.
    delong
        The same area with DeLong's interval.
    bootstrapped
        The same area with the stratified bootstrap's interval.
    auprc
        Average precision with the bootstrap's interval; a model that guesses reaches the prevalence.
    prevalence
        Positive patients among all.
    """

    auroc: Auroc
    delong: Estimate | Absent
    bootstrapped: Estimate | Absent
    auprc: Estimate | Absent
    prevalence: Proportion

    @property
    def headline(self) -> Estimate:
        """The area with DeLong's interval, or with Newcombe's where that is not defined."""
        if isinstance(self.delong, Estimate):
            return self.delong
        return Estimate(self.auroc.value, self.auroc.low, self.auroc.high, self.auroc.method)


def discriminate(
    labels: NDArray[np.int_], scores: NDArray[np.float64], seed: int, resamples: int = RESAMPLES
) -> Discrimination:
    """Return AUROC and AUPRC with their intervals.

    AUPRC is scikit-learn's average precision, ``sum_k (R_k - R_(k-1)) P_k``, which does not interpolate between
    thresholds (Davis and Goadrich, ICML 2006).

    Raises
    ------
    InputError
        If a class is absent.
    """
    auroc = auroc_interval(labels, scores)
    value = float(average_precision_score(labels, scores))
    rate = exact_proportion(auroc.n_pos, auroc.n_pos + auroc.n_neg)
    if min(auroc.n_pos, auroc.n_neg) < 2:
        none = Absent("a bootstrap stratified by class needs at least two patients of each class")
        return Discrimination(auroc, delong_interval(labels, scores), none, none, rate)
    found = bootstrap(labels, scores, seed, resamples)
    method = f"stratified bootstrap, {resamples} resamples, seed {seed}, percentiles"
    drawn = Estimate(auroc.value, *_containing(found.auroc, auroc.value), method)
    precision = Estimate(value, *_containing(found.auprc, value), method)
    return Discrimination(auroc, delong_interval(labels, scores), drawn, precision, rate)


def _containing(ends: tuple[float, float], value: float) -> tuple[float, float]:
    """Widen percentiles that miss the estimate, as they can with a handful of patients."""
    return min(ends[0], value), max(ends[1], value)
