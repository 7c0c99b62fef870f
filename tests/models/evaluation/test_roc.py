"""DeLong's variance against pROC's published numbers, and what must hold of any AUROC."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from models.evaluation.estimates import Absent, Estimate
from models.evaluation.roc import delong, delong_interval


def cohort(size: int = 60) -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    """Labels with two of each class at least, and scores with ties."""

    def both(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
        table = np.array([(0, 3), (0, 7), (1, 3), (1, 9), *rows])
        return table[:, 0], table[:, 1] / 20

    return st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), max_size=size).map(both)


def test_areas_variances_and_covariances_are_those_of_proc(asah: dict[str, np.ndarray]) -> None:
    """Values of tests/testthat/test-var.R, test-cov.R and test-ci.auc.R of pROC at commit ee2877e."""
    found = delong(asah["poor"], np.stack([asah["wfns"], asah["s100b"]]))
    assert found.areas == pytest.approx([0.8236789, 0.7313686], abs=1e-7)
    assert found.covariance[0, 0] == pytest.approx(0.00146991470882363, rel=1e-10)
    assert found.covariance[1, 1] == pytest.approx(0.00266868245717244, rel=1e-10)
    assert found.covariance[0, 1] == found.covariance[1, 0] == pytest.approx(0.00119615567376754, rel=1e-10)


def test_the_interval_is_that_of_proc(asah: dict[str, np.ndarray]) -> None:
    found = delong_interval(asah["poor"], asah["ndka"])
    assert isinstance(found, Estimate)
    expected = (0.501244999271703, 0.611957994579946, 0.722670989888189)
    assert (found.low, found.value, found.high) == pytest.approx(expected, rel=1e-10)


@given(cohort())
def test_the_area_is_mann_whitneys_and_scikit_learns(given_cohort: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = given_cohort
    area = delong(y, p).areas[0]
    assert area == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    statistic = mannwhitneyu(p[y == 1], p[y == 0]).statistic
    assert area == pytest.approx(statistic / ((y == 1).sum() * (y == 0).sum()), abs=1e-12)


@given(cohort())
def test_only_ranks_count(given_cohort: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = given_cohort
    plain, bent, mirrored = delong(y, p), delong(y, np.exp(3 * p) - 7), delong(y, -p)
    assert bent.areas == pytest.approx(plain.areas, abs=1e-12)
    assert bent.covariance == pytest.approx(plain.covariance, abs=1e-12)
    assert mirrored.areas == pytest.approx(1 - plain.areas, abs=1e-12)
    assert mirrored.covariance == pytest.approx(plain.covariance, abs=1e-12)


@given(cohort())
def test_the_interval_holds_the_estimate_and_stays_inside(given_cohort: tuple[np.ndarray, np.ndarray]) -> None:
    found = delong_interval(*given_cohort)
    if isinstance(found, Estimate):
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.high > found.low


def test_what_has_no_variance_gets_a_sentence() -> None:
    separated = delong_interval([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    assert isinstance(separated, Absent)
    assert "perfect separation" in separated.reason
    alone = delong_interval([0, 0, 1], [0.1, 0.9, 0.5])
    assert isinstance(alone, Absent)
    assert "two patients of each class" in alone.reason


def test_the_interval_covers_what_it_promises() -> None:
    """2,000 seeded binormal cohorts of 40 and 120 patients with a true AUROC of 0.80."""
    rng = np.random.default_rng(1988)
    shift = 1.1902321629  # sqrt(2) times the normal quantile of 0.80
    y = np.repeat([1, 0], [40, 120])
    hits = 0
    for _ in range(2000):
        found = delong_interval(y, rng.normal(0, 1, 160) + shift * y)
        assert isinstance(found, Estimate)
        hits += found.low <= 0.80 <= found.high
    assert 0.93 <= hits / 2000 <= 0.96
