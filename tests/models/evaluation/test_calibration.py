from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from models.evaluation.calibration import (
    Calibration,
    Recalibration,
    calibrate,
    equal_mass_bins,
    expected_calibration_error,
    recalibrate,
)
from models.evaluation.estimates import Absent, Estimate


def drawn(n: int, seed: int, bend: float = 1.0, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes of true log-odds, and probabilities whose log-odds are (truth - shift) / bend."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-1, 1.2, n)
    return (rng.random(n) < expit(truth)).astype(int), expit((truth - shift) / bend)


@pytest.mark.parametrize(("bend", "shift"), [(1.0, 0.0), (0.6, 0.0), (1.5, 0.8)])
def test_a_planted_miscalibration_is_found(bend: float, shift: float) -> None:
    found = calibrate(*drawn(20000, 1, bend, shift))
    assert isinstance(found, Calibration)
    assert isinstance(found.slope, Estimate)
    assert found.slope.value == pytest.approx(bend, abs=0.06)
    assert found.slope.low < bend < found.slope.high
    assert found.curve is not None
    assert found.curve == pytest.approx((shift, bend), abs=0.08)


def test_the_intervals_of_slope_and_intercept_cover() -> None:
    """120 seeded cohorts of 300 patients with calibrated probabilities."""
    slope = intercept = 0
    for seed in range(120):
        found = calibrate(*drawn(300, seed))
        assert isinstance(found, Calibration)
        assert isinstance(found.slope, Estimate)
        assert isinstance(found.intercept, Estimate)
        slope += found.slope.low <= 1 <= found.slope.high
        intercept += found.intercept.low <= 0 <= found.intercept.high
    assert 0.90 <= slope / 120 <= 0.99
    assert 0.90 <= intercept / 120 <= 0.99


def test_calibration_in_the_large_equates_expected_and_observed() -> None:
    y, p = drawn(400, 3, shift=0.7)
    found = calibrate(y, p)
    assert isinstance(found, Calibration)
    assert isinstance(found.intercept, Estimate)
    assert expit(logit(p) + found.intercept.value).sum() == pytest.approx(y.sum(), abs=1e-4)


def test_brier_and_ece_of_a_case_done_by_hand() -> None:
    y = np.repeat([0, 1, 0, 1], [15, 5, 5, 15])
    p = np.repeat([0.2, 0.8], [20, 20])
    found = calibrate(y, p)
    assert isinstance(found, Calibration)
    assert found.brier == pytest.approx((15 * 0.04 + 5 * 0.64 + 5 * 0.64 + 15 * 0.04) / 40)
    assert found.brier_scaled == pytest.approx(1 - found.brier / 0.25)
    assert [(b.predicted, b.observed.count, b.observed.total) for b in found.bins] == [
        (pytest.approx(0.2), 5, 20),
        (pytest.approx(0.8), 15, 20),
    ]
    assert found.ece == pytest.approx(0.05)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 12)), min_size=1, max_size=150))
def test_bins_hold_every_patient_once_and_no_tie_is_split(rows: list[tuple[int, int]]) -> None:
    table = np.array(rows)
    y, p = table[:, 0], table[:, 1] / 12
    bins = equal_mass_bins(y, p)
    assert sum(b.observed.total for b in bins) == len(y)
    assert sum(b.observed.count for b in bins) == y.sum()
    means = [b.predicted for b in bins]
    assert means == sorted(means)
    assert len(bins) <= min(10, max(1, len(y) // 5), len(set(p)))
    assert 0 <= expected_calibration_error(bins) <= 1


def test_what_can_not_be_had_is_a_sentence() -> None:
    few = calibrate(np.array([0, 1, 0]), np.array([0.1, 0.7, 0.2]))
    assert isinstance(few, Absent)
    assert few.reason == "no calibration: too few patients (1 positive, 2 negative; at least 10 of each are needed)"
    y = np.repeat([0, 1], 12)
    scores = calibrate(y, np.linspace(-1, 3, 24))
    assert isinstance(scores, Absent)
    assert "no probabilities" in scores.reason
    separated, flat = calibrate(y, np.linspace(0.1, 0.9, 24)), calibrate(y, np.full(24, 0.5))
    assert isinstance(separated, Calibration)
    assert isinstance(separated.slope, Absent)
    assert "perfectly separated" in separated.slope.reason
    assert isinstance(flat, Calibration)
    assert isinstance(flat.slope, Absent)
    assert flat.brier == pytest.approx(0.25)


def test_probabilities_of_zero_and_one_are_counted() -> None:
    y = np.repeat([0, 1], 20)
    p = np.clip(np.random.default_rng(0).normal(0.3 + 0.4 * y, 0.3), 0, 1)
    found = calibrate(y, p)
    assert isinstance(found, Calibration)
    assert found.clipped == ((p == 0) | (p == 1)).sum() > 0
    assert isinstance(found.slope, Estimate)
    assert np.isfinite([found.slope.low, found.slope.high]).all()


def test_recalibration_mends_a_shifted_centre_and_can_not_flatter_a_calibrated_one() -> None:
    shifted, fine = recalibrate(*drawn(300, 5, shift=1.5)), recalibrate(*drawn(300, 5))
    assert isinstance(shifted, Recalibration)
    assert shifted.shift == pytest.approx(1.5, abs=0.3)
    assert shifted.brier_after < shifted.brier_before - 0.02
    assert isinstance(fine, Recalibration)
    assert abs(fine.shift) < 0.3
    assert fine.brier_after == pytest.approx(fine.brier_before, abs=0.003)
    few = recalibrate(np.array([0, 1]), np.array([0.1, 0.2]))
    assert isinstance(few, Absent)


def test_each_patient_is_shifted_by_what_the_others_ask_for() -> None:
    y, p = drawn(30, 6)
    found = recalibrate(y, p)
    assert isinstance(found, Recalibration)
    after = []
    for i in range(30):
        others = np.arange(30) != i
        own = recalibrate(y[others], p[others])
        assert isinstance(own, Recalibration)
        after.append((expit(logit(p[i]) + own.shift) - y[i]) ** 2)
    assert found.brier_after == pytest.approx(np.mean(after), abs=1e-9)
