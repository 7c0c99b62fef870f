from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.estimates import Absent, Proportion, exact_proportion
from models.evaluation.operating_points import lock_thresholds, try_threshold


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_exact_intervals_are_the_published_ones(count: int, total: int, low: float, high: float) -> None:
    """Newcombe (Stat Med 1998; 17: 857-872), table I, method 5 (Clopper-Pearson)."""
    found = exact_proportion(count, total)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_exact_interval_holds_its_share(given_counts: tuple[int, int]) -> None:
    found = exact_proportion(*given_counts)
    assert 0 <= found.low <= found.value <= found.high <= 1


@given(st.lists(st.integers(0, 30), min_size=1, max_size=120), st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
def test_the_threshold_is_the_highest_that_reaches_the_sensitivity(scores: list[int], wanted: float) -> None:
    positives = np.array(scores) / 30
    locked = lock_thresholds(np.ones(len(scores), int), positives, [wanted])
    assert not isinstance(locked, Absent)
    threshold = locked[0].threshold
    assert (positives >= threshold).mean() >= wanted - 1e-9
    higher = positives[positives > threshold]
    assert len(higher) / len(positives) < wanted
    assert locked[0].reached.count == (positives >= threshold).sum()


def test_a_set_too_small_for_its_sensitivity_says_so() -> None:
    labels, scores = np.repeat([1, 0], [20, 5]), np.linspace(0.9, 0.1, 25)
    locked = lock_thresholds(labels, scores)
    assert not isinstance(locked, Absent)
    assert [bool(each.note) for each in locked] == [False, False, True]
    assert "with 20 positive calibration patients a sensitivity of 99 % means all of them" in locked[2].note
    none = lock_thresholds(np.zeros(4, int), np.linspace(0, 1, 4))
    assert isinstance(none, Absent)
    assert "no positive patient" in none.reason


def test_counts_and_shares_of_a_locked_threshold() -> None:
    locked = lock_thresholds(np.array([1, 1, 0]), np.array([0.6, 0.5, 0.1]), [0.9])
    assert not isinstance(locked, Absent)
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0])
    scores = np.array([0.9, 0.5, 0.2, 0.7, 0.4, 0.3, 0.1, 0.0])
    found = try_threshold(labels, scores, locked[0])
    assert (found.tp, found.fp, found.fn, found.tn) == (2, 1, 1, 4)
    shares = [found.sensitivity, found.specificity, found.ppv, found.npv, found.rule_out]
    assert all(isinstance(share, Proportion) for share in shares)
    assert [(s.count, s.total) for s in shares if isinstance(s, Proportion)] == [(2, 3), (4, 5), (2, 3), (4, 5), (5, 8)]
    nobody = try_threshold(np.array([0, 0]), np.array([0.1, 0.2]), locked[0])
    assert isinstance(nobody.sensitivity, Absent)
    assert nobody.sensitivity.reason == "there is no positive patient"
    assert isinstance(nobody.ppv, Absent)
    assert nobody.ppv.reason == "there is no patient called positive"
