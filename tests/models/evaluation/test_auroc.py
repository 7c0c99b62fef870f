"""Newcombe's interval of the AUROC."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.auroc import METHOD, auroc_interval, newcombe_interval
from pipelines.errors import InputError


@pytest.mark.parametrize(("n_pos", "n_neg"), [(5, 10), (8, 20), (15, 25), (10, 90)])
@pytest.mark.parametrize("area", [0.5, 0.75, 0.9, 0.98])
def test_the_interval_covers_what_it_promises(n_pos: int, n_neg: int, area: float) -> None:
    """1,000 seeded binormal cohorts of each size: at least 93 % of the intervals hold the true area."""
    rng = np.random.default_rng(20060215)
    shift = NormalDist().inv_cdf(area) * 2**0.5
    positives = rng.normal(shift, 1, (1000, n_pos, 1))
    negatives = rng.normal(0, 1, (1000, 1, n_neg))
    found = (positives > negatives).mean(axis=(1, 2))
    ends = {value: newcombe_interval(float(value), n_pos, n_neg) for value in np.unique(found)}
    covered = np.mean([ends[value][0] <= area <= ends[value][1] for value in found])
    assert 0.93 <= covered <= 0.995


@given(area=st.floats(0, 1), n_pos=st.integers(1, 300), n_neg=st.integers(1, 300))
def test_the_interval_solves_its_equation(area: float, n_pos: int, n_neg: int) -> None:
    low, high = newcombe_interval(area, n_pos, n_neg)
    assert 0 <= low <= area <= high <= 1
    assert high - low > 0
    z, size = NormalDist().inv_cdf(0.975), (n_pos + n_neg) / 2 - 1
    for end in (low, high):
        if 1e-6 < end < 1 - 1e-6:
            variance = end * (1 - end) * (1 + size * (1 - end) / (2 - end) + size * end / (1 + end)) / (n_pos * n_neg)
            assert abs(end - area) == pytest.approx(z * variance**0.5, abs=1e-7)
    mirrored = newcombe_interval(1 - area, n_pos, n_neg)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-7)


def test_a_perfect_auroc_of_few_patients_keeps_a_wide_interval() -> None:
    perfect = auroc_interval([0, 0, 0, 1, 1], [0.1, 0.2, 0.3, 0.8, 0.9])
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low < 0.5
    assert (perfect.n_pos, perfect.n_neg, perfect.method) == (2, 3, METHOD)
    assert auroc_interval([0, 1], [0.5, 0.5]).value == 0.5
    worst = auroc_interval([0, 0, 0, 1, 1], [0.9, 0.8, 0.7, 0.1, 0.2])
    assert (worst.value, worst.low) == (0.0, 0.0)
    assert worst.high > 0.5


def test_an_undefined_auroc_is_a_sentence() -> None:
    with pytest.raises(InputError, match="there are 2 positive and 0 negative"):
        auroc_interval([1, 1], [0.1, 0.2])
    with pytest.raises(InputError, match="there are 0 positive and 0 negative"):
        auroc_interval([], [])
    with pytest.raises(InputError, match="1 of 2 scores are not finite"):
        auroc_interval([0, 1], [0.1, float("nan")])
    with pytest.raises(InputError, match="one score per label"):
        auroc_interval([0, 1, 1], [0.1, 0.2])
