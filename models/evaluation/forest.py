"""AUROC by centre, pooled with random effects, and where the next centre's may lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit
from scipy.stats import chi2, t
from statsmodels.stats.meta_analysis import combine_effects

from models.evaluation.auroc import auroc_interval
from models.evaluation.estimates import Absent, Estimate, too_few
from models.evaluation.roc import delong, delong_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Group:
    """The patients of one centre or subgroup.

    Attributes
    ----------
    name
        Value of the column.
    n_pos, n_neg
        Patients.
    auroc
        With DeLong's interval (Newcombe's where the classes are perfectly separated), or why there is none.
    variance
        DeLong's, of the AUROC; None where it is not defined.
    """

    name: str
    n_pos: int
    n_neg: int
    auroc: Estimate | Absent
    variance: float | None


@dataclass(frozen=True)
class Pooled:
    """Random-effects summary of groups.

    Attributes
    ----------
    mean
        Mean AUROC of centres like these.
    prediction
        (low, high) within which the true AUROC of a further centre is expected to lie, with 95 % probability.
    tau2
        Variance between centres of the logit AUROC.
    i2
        Share of the variation between centres that is not chance, 0 to 1.
    q_p
        p of Cochran's Q, that all centres have the same AUROC.
    groups
        Centres that were pooled.
    """

    mean: Estimate
    prediction: tuple[float, float]
    tau2: float
    i2: float
    q_p: float
    groups: int


@dataclass(frozen=True)
class RandomEffects:
    """``pool_effects`` on whatever scale its effects have; the fields are those of ``Pooled``."""

    mean: float
    low: float
    high: float
    prediction: tuple[float, float]
    tau2: float
    i2: float
    q_p: float


def group_by(
    names: Sequence[str], labels: NDArray[np.int_], scores: NDArray[np.float64]
) -> tuple[tuple[Group, NDArray[np.intp]], ...]:
    """Return each group of patients with its AUROC and the indices of its patients, by name; '' is no group."""
    array = np.array(names, object)
    found = []
    for name in sorted(set(names) - {""}):
        members = np.flatnonzero(array == name)
        y, p = labels[members], scores[members]
        reason = too_few(y)
        auroc, variance = (Absent(f"no AUROC: {reason}"), None) if reason else _auroc(y, p)
        found.append((Group(name, int(y.sum()), int(len(y) - y.sum()), auroc, variance), members))
    return tuple(found)


def _auroc(y: NDArray[np.int_], p: NDArray[np.float64]) -> tuple[Estimate, float | None]:
    interval = delong_interval(y, p)
    if isinstance(interval, Estimate):
        return interval, float(delong(y, p).covariance[0, 0])
    honest = auroc_interval(y, p)
    return Estimate(honest.value, honest.low, honest.high, honest.method), None


def pool(groups: Sequence[Group]) -> Pooled | Absent:
    """Pool the AUROCs of groups with a random-effects model of their logits.

    On the logit scale AUROCs are closer to normal (Snell, Ensor, Debray, Moons and Riley, Stat Methods Med Res 2018;
    27: 3505-3522); the variance of the logit is ``var(A) / (A (1 - A))^2`` by the delta method.
    """
    usable = [g for g in groups if isinstance(g.auroc, Estimate) and g.variance and 0.0 < g.auroc.value < 1.0]
    if len(usable) < 3:
        return Absent(
            f"no pooled AUROC and no prediction interval: {len(usable)} of {len(groups)} groups have an AUROC with a "
            "variance, and at least 3 are needed"
        )
    areas = np.array([g.auroc.value for g in usable if isinstance(g.auroc, Estimate)])
    variances = np.array([g.variance for g in usable], float) / (areas * (1.0 - areas)) ** 2
    found = pool_effects(logit(areas), variances)
    mean, low, high, first, last = (float(expit(v)) for v in (found.mean, found.low, found.high, *found.prediction))
    method = "random effects of logit AUROC (DerSimonian-Laird), Hartung-Knapp interval"
    return Pooled(Estimate(mean, low, high, method), (first, last), found.tau2, found.i2, found.q_p, len(usable))


def pool_effects(effects: NDArray[np.float64], variances: NDArray[np.float64]) -> RandomEffects:
    """Return the random-effects mean of at least three effects, and the prediction interval.

    Mean, variance between (DerSimonian and Laird 1986) and the interval of Hartung and Knapp (Stat Med 2001; 20:
    3875-3889) are statsmodels'. The prediction interval is that of Higgins, Thompson and Spiegelhalter (J R Stat Soc A
    2009; 172: 137-159): ``mean +- t_(k-2) sqrt(tau2 + var(mean))``.
    """
    found = combine_effects(effects, variances, method_re="dl")
    k, mean, tau2 = len(effects), float(found.mean_effect_re), max(0.0, float(found.tau2))
    half = float(t.ppf(0.975, k - 1)) * float(found.sd_eff_w_re_hksj)
    far = float(t.ppf(0.975, k - 2)) * math.sqrt(tau2 + float(found.sd_eff_w_re) ** 2)
    q = float(found.q)
    return RandomEffects(
        mean=mean,
        low=mean - half,
        high=mean + half,
        prediction=(mean - far, mean + far),
        tau2=tau2,
        i2=max(0.0, 1.0 - (k - 1) / q) if q > 0 else 0.0,
        q_p=float(chi2.sf(q, k - 1)),
    )
