"""Models against each other on the same patients."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import permutation_test, rankdata
from statsmodels.stats.multitest import multipletests

from models.evaluation.estimates import Absent, Estimate, too_few
from models.evaluation.roc import delong

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

PERMUTATIONS = 9999
_ONE_SIDED_975 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class NonInferiority:
    """Whether the first model is worse than the second by no more than a margin.

    Attributes
    ----------
    margin
        Largest loss of AUROC that would be accepted, fixed beforehand.
    shown
        The interval of the difference lies above ``-margin``.
    p
        One-sided, of the hypothesis that the loss is at least the margin.
    """

    margin: float
    shown: bool
    p: float


@dataclass(frozen=True)
class Comparison:
    """Two models on the same patients.

    Attributes
    ----------
    first, second
        Names.
    n_pos, n_neg
        Patients whom both predicted.
    area_first, area_second
        AUROCs on them.
    difference
        First minus second, with the interval from DeLong's covariance; or why there is none.
    p_delong, p_permutation
        Two-sided, of equal areas, and of equal ROC curves judged by their areas; None where there is no difference.
    p_holm
        ``p_delong`` after Holm's correction for every comparison of this target.
    non_inferiority
        Of the first against the second.
    """

    first: str
    second: str
    n_pos: int
    n_neg: int
    area_first: float | None
    area_second: float | None
    difference: Estimate | Absent
    p_delong: float | None
    p_permutation: float | None
    p_holm: float | None
    non_inferiority: NonInferiority | None


def compare_all(
    labels: NDArray[np.int_], scores: Mapping[str, NDArray[np.float64]], margin: float, seed: int
) -> tuple[Comparison, ...]:
    """Compare each pair of models, in the order given, and correct for the number of pairs.

    Holm (Scandinavian Journal of Statistics 1979; 6: 65-70), by statsmodels, on DeLong's p.

    Parameters
    ----------
    labels
        (N,) of the patients whom every model predicted.
    scores
        (N,) by model.
    margin
        Of non-inferiority, in AUROC.
    seed
        Of the permutations.
    """
    found = [
        compare(labels, first, scores[first], second, scores[second], margin, seed)
        for first, second in combinations(scores, 2)
    ]
    tested = [c.p_delong for c in found if c.p_delong is not None]
    corrected = iter(multipletests(tested, method="holm")[1] if tested else ())
    return tuple(c if c.p_delong is None else _with_holm(c, float(next(corrected))) for c in found)


def compare(
    labels: NDArray[np.int_],
    first: str,
    first_scores: NDArray[np.float64],
    second: str,
    second_scores: NDArray[np.float64],
    margin: float,
    seed: int,
    permutations: int = PERMUTATIONS,
) -> Comparison:
    """Compare two models on the same patients.

    Difference, interval and test from the paired covariance of DeLong et al. (Biometrics 1988; 44: 837-845). The first
    is not inferior to the second if the two-sided 95 % interval, that is a one-sided 97.5 % one, lies above
    ``-margin``: the test of the plain difference, beside which Liu, Ma, Wu and Tai (Stat Med 2006; 25: 1219-1238)
    propose one of a standardised difference.
    """
    n_pos, n_neg = int(labels.sum()), int(len(labels) - labels.sum())
    reason = too_few(labels)
    if reason:
        absent = Absent(f"no comparison: {reason}")
        return Comparison(first, second, n_pos, n_neg, None, None, absent, None, None, None, None)
    both = delong(labels, np.stack([first_scores, second_scores]))
    gap = float(both.areas[0] - both.areas[1])
    areas = (float(both.areas[0]), float(both.areas[1]))
    variance = float(both.covariance[0, 0] + both.covariance[1, 1] - 2.0 * both.covariance[0, 1])
    if variance <= 1e-15:
        why = (
            "both models rank these patients alike" if gap == 0 else "the difference has no variance on these patients"
        )
        return Comparison(first, second, n_pos, n_neg, *areas, Absent(f"no test: {why}"), None, None, None, None)
    error = variance**0.5
    normal = NormalDist()
    return Comparison(
        first=first,
        second=second,
        n_pos=n_pos,
        n_neg=n_neg,
        area_first=areas[0],
        area_second=areas[1],
        difference=Estimate(gap, gap - _ONE_SIDED_975 * error, gap + _ONE_SIDED_975 * error, "paired DeLong 1988"),
        p_delong=2.0 * normal.cdf(-abs(gap) / error),
        p_permutation=permutation_p(labels, first_scores, second_scores, seed, permutations),
        p_holm=None,
        non_inferiority=NonInferiority(
            margin, gap - _ONE_SIDED_975 * error > -margin, normal.cdf(-(gap + margin) / error)
        ),
    )


def permutation_p(
    labels: NDArray[np.int_],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    seed: int,
    permutations: int = PERMUTATIONS,
) -> float:
    """Return the two-sided p of a difference in AUROC when each patient's two ranks are swapped at random.

    Bandos, Rockette and Gur (Stat Med 2005; 24: 2873-2893): if both models have the same ROC curve, a patient's ranks
    within them may be exchanged. The hypothesis is thus that of equal curves, and the test looks for a difference of
    their areas. scipy permutes; the ranks make models on different scales exchangeable.
    """
    positive = labels == 1
    pairs = positive.sum() * (~positive).sum()

    def difference(a: NDArray[np.float64], b: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        sums = [np.compress(positive, rankdata(x, axis=axis), axis=axis).sum(axis=axis) for x in (a, b)]
        return (sums[0] - sums[1]) / pairs

    ranks = (rankdata(first), rankdata(second))
    found = permutation_test(
        ranks,
        difference,
        permutation_type="samples",
        vectorized=True,
        n_resamples=permutations,
        batch=500,
        alternative="two-sided",
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def _with_holm(c: Comparison, p: float) -> Comparison:
    return Comparison(**{**c.__dict__, "p_holm": p})
