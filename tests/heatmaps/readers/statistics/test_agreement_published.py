"""Coefficients of agreement against published values."""

from __future__ import annotations

import numpy as np
import pytest

from heatmaps.readers.statistics.agreement import fleiss_kappa, gwet_ac, krippendorff_alpha, percent_agreement
from heatmaps.readers.statistics.measures import Absent, Interval, Measure

NO = np.nan
# cac.raw4raters of the R package irrCAC, also the example of fast-krippendorff: 12 items, 4 readers, 5 categories.
RAW = [
    [1, 1, NO, 1],
    [2, 2, 3, 2],
    [3, 3, 3, 3],
    [3, 3, 3, 3],
    [2, 2, 2, 2],
    [1, 2, 3, 4],
    [4, 4, 4, 4],
    [1, 1, 2, 1],
    [2, 2, 2, 2],
    [NO, 5, 5, 5],
    [NO, NO, 1, 1],
    [NO, NO, 3, NO],
]
# distrib.6raters of irrCAC: how many of six psychiatrists gave each of five diagnoses to 15 patients.
SIX = "00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031"
FIVE = range(1, 6)


def value(found: Measure | Absent) -> float:
    assert isinstance(found, Measure), found
    return found.value


def six_raters() -> list[list[int]]:
    return [[k for k, n in enumerate(map(int, row)) for _ in range(n)] for row in SIX.split()]


def test_values_are_those_of_irrcac_with_gaps() -> None:
    """README of kgwet/irrCAC at 00b8451."""
    assert value(percent_agreement(RAW, seed=1)) == pytest.approx(0.8181818, abs=1e-7)
    assert value(fleiss_kappa(RAW, seed=1)) == pytest.approx(0.76117, abs=5e-6)
    assert value(gwet_ac(RAW, seed=1, categories=FIVE)) == pytest.approx(0.77544, abs=5e-6)
    assert value(krippendorff_alpha(RAW, seed=1, level="nominal")) == pytest.approx(0.74342, abs=5e-6)


def test_values_are_those_of_irrcac_for_six_raters() -> None:
    answers = six_raters()
    assert value(fleiss_kappa(answers, seed=1)) == pytest.approx(0.4139265, abs=5e-8)
    assert value(gwet_ac(answers, seed=1, categories=range(5))) == pytest.approx(0.4448007, abs=5e-8)
    assert value(krippendorff_alpha(answers, seed=1, level="nominal")) == pytest.approx(0.4204384, abs=5e-8)


def test_values_are_those_of_irrcac_for_two_raters() -> None:
    table = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]
    answers = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    assert value(gwet_ac(answers, seed=1, categories=range(3))) == pytest.approx(0.8493305, abs=5e-8)
    assert value(krippendorff_alpha(answers, seed=1, level="nominal")) == pytest.approx(0.7972585, abs=5e-8)


def test_alpha_is_that_of_fast_krippendorff() -> None:
    """Docstring of pln-fing-udelar/fast-krippendorff at 149fcf3; 0.815 is from a paper that it cites."""
    assert value(krippendorff_alpha(RAW, seed=1, level="ordinal")) == pytest.approx(0.815, abs=5e-4)
    readers = [
        [NO, NO, NO, NO, NO, 3, 4, 1, 2, 1, 1, 3, 3, NO, 3],
        [1, NO, 2, 1, 3, 3, 4, 3, NO, NO, NO, NO, NO, NO, NO],
        [NO, NO, 2, 1, 3, 4, 4, NO, 2, 1, 1, 3, 3, NO, 4],
    ]
    answers = np.transpose(readers)
    assert value(krippendorff_alpha(answers, seed=1, level="nominal")) == pytest.approx(0.691358, abs=5e-7)
    assert value(krippendorff_alpha(answers, seed=1, level="interval")) == pytest.approx(0.810845, abs=5e-7)


def test_bootstrap_intervals_are_as_wide_as_irrcacs_standard_errors() -> None:
    """Standard errors of the same README, which come from a linearisation; 100 items make both large-sample."""
    table = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]
    answers = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    found = gwet_ac(answers, seed=1, categories=range(3), resamples=4000)
    assert isinstance(found, Measure)
    assert isinstance(found.interval, Interval)
    assert (found.interval.high - found.interval.low) / (2 * 1.96) == pytest.approx(0.04321747, rel=0.06)
