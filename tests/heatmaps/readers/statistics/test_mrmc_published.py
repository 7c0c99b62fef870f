"""Obuchowski and Rockette's analysis against RJafroc's and MRMCaov's published numbers on the data of Van Dyke."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from heatmaps.readers.statistics.crossed import areas, crossed
from heatmaps.readers.statistics.measures import Test
from heatmaps.readers.statistics.mrmc import by_reader
from tests.heatmaps.readers.statistics.analysing import analysed, ends

if TYPE_CHECKING:
    import pandas as pd


def test_areas_and_components_are_those_of_rjafroc(van_dyke: pd.DataFrame) -> None:
    """RJafrocBook at 11cd734, docs/10C-OR-AnalysisApplications.md: Wilcoxon areas, jackknife covariances."""
    study = crossed(van_dyke)
    expected = [[0.9196, 0.8588, 0.9039, 0.9731, 0.8298], [0.9478, 0.9053, 0.9217, 0.9994, 0.9300]]
    assert areas(study).values == pytest.approx(np.array(expected), abs=5e-5)
    c = analysed(study, "jackknife").components
    assert (c.ms_modality, c.ms_reader, c.ms_both) == pytest.approx((0.004796, 0.003836, 0.00055103062), abs=6e-7)
    assert (c.variance, c.cov1) == pytest.approx((8.0228827e-4, 3.4661371e-4), rel=1e-7)
    assert (c.cov2, c.cov3) == pytest.approx((3.4407483e-4, 2.3902837e-4), rel=1e-7)
    assert (c.var_reader, c.var_both) == pytest.approx((0.0015350, 0.0002004), abs=5e-8)


def test_random_readers_and_cases_are_those_of_rjafroc(van_dyke: pd.DataFrame) -> None:
    found = analysed(crossed(van_dyke), "jackknife")
    assert isinstance(found.test, Test)
    assert found.test.statistic == pytest.approx(4.456, abs=5e-4)
    assert found.test.df == pytest.approx((1, 15.26), abs=5e-3)
    assert found.test.p == pytest.approx(0.05167, abs=5e-6)
    assert found.differences[0].value == pytest.approx(-0.043800322, abs=5e-10)
    assert ends(found.differences[0]) == pytest.approx((-0.0879595, 0.0003589), abs=5e-8)
    assert ends(found.modalities[0]) == pytest.approx((0.8252, 0.9689), abs=5e-5)
    assert ends(found.modalities[1]) == pytest.approx((0.8941, 0.9875), abs=5e-5)


def test_fixed_readers_and_fixed_cases_are_those_of_rjafroc(van_dyke: pd.DataFrame) -> None:
    study = crossed(van_dyke)
    cases = analysed(study, "jackknife", "cases")
    assert isinstance(cases.test, Test)
    assert (cases.test.statistic, cases.test.p) == pytest.approx((5.47595324, 0.01928), abs=5e-6)
    assert ends(cases.differences[0]) == pytest.approx((-0.08049, -0.007115), abs=5e-6)
    assert ends(cases.modalities[0]) == pytest.approx((0.8494, 0.9446), abs=5e-5)
    assert ends(cases.modalities[1]) == pytest.approx((0.9080, 0.9737), abs=5e-5)
    readers = analysed(study, "jackknife", "readers")
    assert isinstance(readers.test, Test)
    assert (readers.test.statistic, readers.test.p) == pytest.approx((8.704, 0.04196), abs=5e-4)
    assert readers.test.df == pytest.approx((1, 4))
    assert ends(readers.differences[0]) == pytest.approx((-0.08502, -0.00258), abs=5e-6)
    assert ends(readers.modalities[0]) == pytest.approx((0.8281, 0.9660), abs=5e-5)


def test_each_reader_is_that_of_rjafroc(van_dyke: pd.DataFrame) -> None:
    study = crossed(van_dyke)
    found = by_reader(study, areas(study, "jackknife"))
    expected = [
        (-0.0282, -0.0782, 0.02182),
        (-0.0465, -0.0981, 0.00501),
        (-0.0179, -0.0790, 0.04330),
        (-0.0262, -0.0601, 0.00764),
        (-0.1002, -0.1865, -0.01381),
    ]
    for one, (value, low, high) in zip(found, expected, strict=True):
        assert (one.value, *ends(one)) == pytest.approx((value, low, high), abs=6e-5)


def test_unbiased_covariances_are_those_of_mrmcaov(van_dyke: pd.DataFrame) -> None:
    """R/convert.R of MRMCaov at d79e49b: correlations, variance components and the second modality's mean."""
    found = analysed(crossed(van_dyke), "unbiased")
    c = found.components
    assert [x / c.variance for x in (c.cov1, c.cov2, c.cov3)] == pytest.approx([0.433, 0.430, 0.299], abs=5e-4)
    assert c.variance == pytest.approx(0.000788, abs=5e-7)
    assert c.var_reader == pytest.approx(0.00154, abs=5e-6)
    assert c.var_both == pytest.approx(0.000208, abs=5e-7)
    assert found.modalities[1].value == pytest.approx(0.94083736, abs=5e-9)
