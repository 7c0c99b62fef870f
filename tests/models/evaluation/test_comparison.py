from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from models.evaluation.comparison import compare, compare_all, permutation_p
from models.evaluation.estimates import Absent, Estimate


def test_the_paired_test_is_that_of_proc(asah: dict[str, np.ndarray]) -> None:
    """tests/testthat/test-roc.test.R of pROC at commit ee2877e: Z = 2.20898359144091; its manual prints p = 0.02718."""
    found = compare(asah["poor"], "wfns", asah["wfns"], "s100b", asah["s100b"], 0.02, 0, permutations=99)
    assert isinstance(found.difference, Estimate)
    assert found.p_delong == pytest.approx(0.02718, abs=5e-6)
    half = (found.difference.high - found.difference.low) / 2
    assert found.difference.value / half * 1.959963984540054 == pytest.approx(2.20898359144091, rel=1e-9)
    second = compare(asah["poor"], "wfns", asah["wfns"], "ndka", asah["ndka"], 0.02, 0, permutations=99)
    assert isinstance(second.difference, Estimate)
    half = (second.difference.high - second.difference.low) / 2
    assert second.difference.value / half * 1.959963984540054 == pytest.approx(2.79777591868904, rel=1e-9)


def test_the_permutation_test_agrees_with_delong_there(asah: dict[str, np.ndarray]) -> None:
    assert permutation_p(asah["poor"], asah["wfns"], asah["s100b"], 0, 4999) == pytest.approx(0.027, abs=0.015)


def test_permutation_p_depends_on_ranks_and_seed_only(asah: dict[str, np.ndarray]) -> None:
    plain = permutation_p(asah["poor"], asah["wfns"], asah["s100b"], 7, 500)
    assert permutation_p(asah["poor"], np.exp(asah["wfns"]), asah["s100b"] * 3 - 5, 7, 500) == plain
    assert permutation_p(asah["poor"], asah["wfns"], asah["wfns"], 7, 500) == 1.0


def test_p_is_uniform_where_two_models_are_equally_good() -> None:
    """250 seeded cohorts: both models see the same signal with their own noise."""
    rng = np.random.default_rng(24)
    labels = np.repeat([1, 0], [25, 55])
    permuted, analytic = [], []
    for seed in range(250):
        signal = labels + rng.normal(0, 0.7, 80)
        a, b = signal + rng.normal(0, 0.7, 80), signal + rng.normal(0, 0.7, 80)
        permuted.append(permutation_p(labels, a, b, seed, 99))
        found = compare(labels, "a", a, "b", b, 0.02, 0, permutations=1)
        analytic.append(found.p_delong)
    assert kstest(permuted, "uniform").pvalue > 0.01
    assert kstest(analytic, "uniform").pvalue > 0.01
    assert 0.02 <= np.mean(np.array(permuted) <= 0.05) <= 0.08


def test_holm_over_all_pairs(asah: dict[str, np.ndarray]) -> None:
    scores = {name: asah[name] for name in ("wfns", "s100b", "ndka")}
    found = compare_all(asah["poor"], scores, 0.02, 0)
    assert [(c.first, c.second) for c in found] == [("wfns", "s100b"), ("wfns", "ndka"), ("s100b", "ndka")]
    p = [c.p_delong for c in found]
    assert all(value is not None for value in p)
    smallest, middle, largest = sorted(p)
    expected = {smallest: 3 * smallest, middle: max(3 * smallest, 2 * middle)}
    expected[largest] = max(expected[middle], largest)
    for comparison in found:
        assert comparison.p_holm == pytest.approx(expected[comparison.p_delong])


def test_non_inferiority_needs_the_whole_interval_above_the_margin() -> None:
    rng = np.random.default_rng(3)
    labels = np.repeat([1, 0], [150, 450])
    reference = labels + rng.normal(0, 0.8, 600)
    alike, worse = reference + rng.normal(0, 0.1, 600), reference + rng.normal(0, 1.2, 600)
    fine = compare(labels, "swarm", alike, "merged", reference, 0.02, 0, 99)
    assert fine.non_inferiority is not None
    assert isinstance(fine.difference, Estimate)
    assert fine.non_inferiority.shown
    assert fine.difference.low > -0.02
    assert fine.non_inferiority.p < 0.025
    bad = compare(labels, "swarm", worse, "merged", reference, 0.02, 0, 99)
    assert bad.non_inferiority is not None
    assert not bad.non_inferiority.shown
    assert bad.non_inferiority.p > 0.5


def test_the_verdict_and_its_p_never_disagree() -> None:
    rng = np.random.default_rng(11)
    labels = np.repeat([1, 0], [30, 60])
    verdicts = set()
    for _ in range(200):
        reference = labels + rng.normal(0, 1, 90)
        found = compare(labels, "a", reference + rng.normal(0, 0.4, 90), "b", reference, 0.05, 0, 1)
        assert found.non_inferiority is not None
        assert found.non_inferiority.shown == (found.non_inferiority.p < 0.025)
        verdicts.add(found.non_inferiority.shown)
    assert verdicts == {True, False}


def test_what_can_not_be_compared_gets_a_sentence() -> None:
    few = compare(np.array([0, 1]), "a", np.array([0.1, 0.2]), "b", np.array([0.2, 0.1]), 0.02, 0)
    assert isinstance(few.difference, Absent)
    assert few.difference.reason.startswith("no comparison: too few patients")
    labels = np.repeat([0, 1], 15)
    scores = np.random.default_rng(0).random(30)
    same = compare(labels, "a", scores, "b", scores * 2, 0.02, 0)
    assert same.difference == Absent("no test: both models rank these patients alike")
    assert (same.p_delong, same.p_holm, same.non_inferiority) == (None, None, None)
    (alone,) = compare_all(labels, {"a": scores, "b": scores}, 0.02, 0)
    assert alone.p_holm is None
