"""Scalings: what they do, that they are each centre's own, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from models.tabular.scaling import scale
from pipelines.errors import ConfigError, InputError


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).lognormal(3, 1, (20, 7))


def test_zscore_of_own_and_of_reference(values: np.ndarray) -> None:
    own = scale(values, "zscore")
    assert own.dtype == np.float32
    assert np.allclose(own, (values - values.mean(axis=0)) / values.std(axis=0), atol=1e-5)
    assert np.allclose(scale(values[:1], "zscore", values), own[:1])
    logs = scale(values, "log2+zscore")
    assert np.allclose(scale(values[3:5], "log2+zscore", values), logs[3:5])
    assert np.allclose(logs.std(axis=0), 1, atol=1e-5)


def test_a_constant_column_becomes_zero(values: np.ndarray) -> None:
    values[:, 2] = 0.1
    assert (scale(values, "zscore")[:, 2] == 0).all()


def test_ranks_are_within_a_patient_and_free_of_units(values: np.ndarray) -> None:
    ranks = scale(values, "rank")
    assert (np.abs(ranks) < 1).all()
    assert np.allclose(ranks.sum(axis=1), 0, atol=1e-6)
    assert np.array_equal(ranks, scale(np.log(values) * 3 + 100, "rank"))
    assert np.array_equal(ranks[4:5], scale(values[4:5], "rank"))
    assert scale(np.array([[5.0, 5.0]]), "rank").tolist() == [[0.0, 0.0]]


def test_refusals(values: np.ndarray) -> None:
    assert np.array_equal(scale(values, "none"), values.astype(np.float32))
    with pytest.raises(ConfigError, match=r"'log2\+zsocre': there is no 'zsocre'"):
        scale(values, "log2+zsocre")
    with pytest.raises(InputError, match="negative"):
        scale(-values, "log2")
    with pytest.raises(InputError, match="at least two patients"):
        scale(values[:1], "zscore")
