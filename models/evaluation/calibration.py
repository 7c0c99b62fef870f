"""Whether a predicted probability of 20 % comes true in 20 % of patients."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import statsmodels.api as sm
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss

from models.evaluation.estimates import Absent, Estimate, Proportion, exact_proportion, too_few

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BINS = 10
MIN_PER_BIN = 5
CLIP = 1e-6
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Bin:
    """Patients of similar predicted probability: its mean, and how many of them are positive."""

    predicted: float
    observed: Proportion


@dataclass(frozen=True)
class Calibration:
    """Agreement of predicted probabilities with outcomes.

    Attributes
    ----------
    slope
        Of the logistic recalibration, 1 is ideal, below 1 means too extreme predictions.
    intercept
        Calibration in the large: what has to be added to every log-odds, 0 is ideal, below 0 means that the
        probabilities are too high.
    curve
        Intercept and slope of the recalibration with both free, which draw the curve of the reliability plot; absent
        together with the slope.
    mean_predicted, observed
        Mean probability, and positive patients among all.
    brier, brier_scaled
        Mean squared error, and 1 minus its ratio to that of a model that says the prevalence to everybody.
    ece
        Expected calibration error over ``bins``.
    bins
        Of equal numbers of patients, by predicted probability.
    clipped
        Patients whose probability of 0 or 1 was moved by ``CLIP`` to have log-odds.
    """

    slope: Estimate | Absent
    intercept: Estimate | Absent
    curve: tuple[float, float] | None
    mean_predicted: float
    observed: Proportion
    brier: float
    brier_scaled: float
    ece: float
    bins: tuple[Bin, ...]
    clipped: int


def calibrate(labels: NDArray[np.int_], scores: NDArray[np.float64]) -> Calibration | Absent:
    """Return the calibration of one model, or why there is none.

    Slope and intercept: Cox (Biometrika 1958; 45: 562-565), as Van Calster et al. (BMC Medicine 2019; 17: 230) ask to
    report them; statsmodels fits both logistic regressions, the intervals are Wald's. Brier score: scikit-learn;
    scaled as ``1 - B / (r (1 - r))`` for the prevalence r (Steyerberg et al., Epidemiology 2010; 21: 128-138).

    Parameters
    ----------
    labels, scores
        (N,) labels 0 or 1, and probabilities.
    """
    if reason := too_few(labels):
        return Absent(f"no calibration: {reason}")
    if scores.min() < 0.0 or scores.max() > 1.0:
        return Absent("no calibration: some scores lie outside 0 to 1 and are no probabilities")
    log_odds = _log_odds(scores)
    slope, curve = _slope(labels, log_odds)
    bins = equal_mass_bins(labels, scores)
    rate = exact_proportion(int(labels.sum()), len(labels))
    brier = float(brier_score_loss(labels, scores))
    return Calibration(
        slope=slope,
        intercept=_calibration_in_the_large(labels, log_odds),
        curve=curve,
        mean_predicted=float(scores.mean()),
        observed=rate,
        brier=brier,
        brier_scaled=1.0 - brier / (rate.value * (1.0 - rate.value)),
        ece=expected_calibration_error(bins),
        bins=bins,
        clipped=int(((scores < CLIP) | (scores > 1.0 - CLIP)).sum()),
    )


def equal_mass_bins(labels: NDArray[np.int_], scores: NDArray[np.float64]) -> tuple[Bin, ...]:
    """Sort patients by probability into up to ``MAX_BINS`` bins of (nearly) equal size, at least ``MIN_PER_BIN`` each.

    Equal scores stay in one bin, so that no order among them is invented.
    """
    count = max(1, min(MAX_BINS, len(scores) // MIN_PER_BIN))
    order = np.argsort(scores, kind="stable")
    place = np.floor(np.arange(len(scores)) * count / len(scores)).astype(int)
    _, first, which = np.unique(scores[order], return_index=True, return_inverse=True)
    place = place[first][which]
    return tuple(
        Bin(float(scores[members].mean()), exact_proportion(int(labels[members].sum()), len(members)))
        for members in (order[place == index] for index in range(count))
        if len(members)
    )


def expected_calibration_error(bins: tuple[Bin, ...]) -> float:
    """Return the mean distance between predicted and observed, weighted by the bins' patients.

    Naeini, Cooper and Hauskrecht (AAAI 2015), with bins of equal numbers of patients in place of equal width (Nixon et
    al., CVPR workshops 2019). It grows with the number of bins and for few patients; compare only like with like.
    """
    patients = sum(each.observed.total for each in bins)
    return sum(abs(each.predicted - each.observed.value) * each.observed.total for each in bins) / patients


@dataclass(frozen=True)
class Recalibration:
    """What shifting a centre's log-odds by one number does, judged on patients who did not choose the number.

    Attributes
    ----------
    shift
        The number: the centre's calibration in the large.
    brier_before, brier_after, ece_before, ece_after
        After: each patient is shifted by what the centre's other patients ask for (leave one out).
    """

    shift: float
    brier_before: float
    brier_after: float
    ece_before: float
    ece_after: float


def recalibrate(labels: NDArray[np.int_], scores: NDArray[np.float64]) -> Recalibration | Absent:
    """Return the gain of recalibration in the large within one centre.

    Steyerberg, Borsboom, van Houwelingen, Eijkemans and Habbema (Stat Med 2004; 23: 2567-2586), their simplest update.

    Parameters
    ----------
    labels, scores
        (N,) of the centre's patients.
    """
    if reason := too_few(labels):
        return Absent(f"no recalibration: {reason}")
    log_odds = _log_odds(scores)
    shift = _shift(log_odds, float(labels.sum()))
    shifted = expit(log_odds + _shifts_of_the_others(labels, log_odds, shift))
    return Recalibration(
        shift=shift,
        brier_before=float(brier_score_loss(labels, scores)),
        brier_after=float(brier_score_loss(labels, shifted)),
        ece_before=expected_calibration_error(equal_mass_bins(labels, scores)),
        ece_after=expected_calibration_error(equal_mass_bins(labels, shifted)),
    )


def _shift(log_odds: NDArray[np.float64], events: float) -> float:
    """Solve ``sum_j expit(l_j + a) = events`` for a; the sum grows with a."""
    return float(brentq(lambda a: expit(log_odds + a).sum() - events, -60.0, 60.0, xtol=1e-10))


def _shifts_of_the_others(
    labels: NDArray[np.int_], log_odds: NDArray[np.float64], start: float, at_once: int = 500
) -> NDArray[np.float64]:
    """Return for each patient the shift that all the others ask for, by Newton's method from the common one."""
    shifts = np.full(len(labels), start)
    events = labels.sum() - labels
    for first in range(0, len(labels), at_once):
        rows = slice(first, first + at_once)
        for _ in range(12):
            expected = expit(log_odds[None, :] + shifts[rows, None])
            own = expit(log_odds[rows] + shifts[rows])
            slope = (expected * (1.0 - expected)).sum(axis=1) - own * (1.0 - own)
            step = (events[rows] - (expected.sum(axis=1) - own)) / slope
            shifts[rows] += np.clip(step, -1.0, 1.0)
            if np.abs(step).max() < 1e-10:
                break
    return shifts


def _log_odds(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return logit(np.clip(scores, CLIP, 1.0 - CLIP))


def _slope(
    labels: NDArray[np.int_], log_odds: NDArray[np.float64]
) -> tuple[Estimate | Absent, tuple[float, float] | None]:
    negatives, positives = log_odds[labels == 0], log_odds[labels == 1]
    if np.ptp(log_odds) < 1e-9:
        return Absent("no slope: every patient has the same probability"), None
    if negatives.max() <= positives.min() or positives.max() <= negatives.min():
        return Absent("no slope: the classes are perfectly separated, and then it has no finite value"), None
    fit = sm.GLM(labels, sm.add_constant(log_odds), family=sm.families.Binomial()).fit()
    (intercept, slope), error = fit.params, float(fit.bse[1])
    ends = (float(slope) - _Z * error, float(slope) + _Z * error)
    return Estimate(float(slope), *ends, "logistic recalibration, Wald"), (float(intercept), float(slope))


def _calibration_in_the_large(labels: NDArray[np.int_], log_odds: NDArray[np.float64]) -> Estimate:
    fit = sm.GLM(labels, np.ones((len(labels), 1)), family=sm.families.Binomial(), offset=log_odds).fit()
    value, error = float(fit.params[0]), float(fit.bse[0])
    return Estimate(value, value - _Z * error, value + _Z * error, "logistic recalibration with slope 1, Wald")
