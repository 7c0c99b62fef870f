"""Cohen's kappa against SAS and irrCAC, and what must hold of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from heatmaps.readers.statistics.kappa import cohen_kappa
from heatmaps.readers.statistics.measures import Absent, Interval, Measure
from pipelines.errors import ConfigError


def answers_of(table: list[list[int]]) -> list[tuple[int, int]]:
    return [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]


SAS = answers_of([[0, 4, 1], [0, 8, 0], [0, 1, 5]])


@pytest.mark.parametrize(
    ("weighting", "expected"), [("nominal", (0.4842, 0.2137, 0.7547)), ("linear", (0.4701, 0.1845, 0.7558))]
)
def test_value_and_interval_are_those_of_sas(weighting: str, expected: tuple[float, ...]) -> None:
    """Printout of SAS in statsmodels' tests/test_inter_rater.py."""
    found = cohen_kappa(SAS, weighting=weighting)  # type: ignore[arg-type]
    assert isinstance(found, Measure)
    assert isinstance(found.interval, Interval)
    assert (found.value, found.interval.low, found.interval.high) == pytest.approx(expected, abs=5e-5)


def test_value_is_that_of_irrcac() -> None:
    """README of kgwet/irrCAC at 00b8451."""
    found = cohen_kappa(answers_of([[13, 0, 0], [0, 20, 7], [0, 4, 56]]))
    assert isinstance(found, Measure)
    assert found.value == pytest.approx(0.7964094, abs=5e-8)


pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=25)


@given(pairs, st.sampled_from(["nominal", "linear", "quadratic"]))
@settings(max_examples=60, deadline=None)
def test_it_is_scikit_learns_and_symmetric(answers: list[tuple[int, int]], weighting: str) -> None:
    found = cohen_kappa(answers, weighting=weighting, categories=range(4))  # type: ignore[arg-type]
    swapped = cohen_kappa([(b, a) for a, b in answers], weighting=weighting, categories=range(4))  # type: ignore[arg-type]
    if isinstance(found, Absent):
        assert isinstance(swapped, Absent)
        return
    a, b = np.transpose(answers)
    weights = None if weighting == "nominal" else weighting
    assert found.value == pytest.approx(cohen_kappa_score(a, b, labels=range(4), weights=weights), abs=1e-10)
    assert isinstance(swapped, Measure)
    assert swapped.value == pytest.approx(found.value, abs=1e-10)
    if isinstance(found.interval, Interval):
        assert -1 <= found.interval.low <= found.value <= found.interval.high <= 1


def test_perfect_agreement_is_1_without_an_interval() -> None:
    found = cohen_kappa([(0, 0), (1, 1), (2, 2), (1, 1)])
    assert isinstance(found, Measure)
    assert found.value == pytest.approx(1.0)
    assert isinstance(found.interval, Absent)


def test_answers_by_chance_give_about_0() -> None:
    answers = np.random.default_rng(1).integers(0, 4, (4000, 2))
    for weighting in ("nominal", "linear", "quadratic"):
        found = cohen_kappa(answers, weighting=weighting)  # type: ignore[arg-type]
        assert isinstance(found, Measure)
        assert abs(found.value) < 0.05


def test_what_is_undefined_gets_a_sentence() -> None:
    same = cohen_kappa([(1, 1)] * 4)
    assert isinstance(same, Absent)
    assert "both readers gave every item the same answer" in same.reason
    three = cohen_kappa([(1, 1, 1)] * 4)
    assert isinstance(three, Absent)
    assert "there are 3" in three.reason
    gaps = cohen_kappa([(1, np.nan), (np.nan, 2)])
    assert isinstance(gaps, Absent)
    assert "at least two items" in gaps.reason


def test_gaps_are_counted_and_clusters_need_a_seed() -> None:
    found = cohen_kappa([*SAS, (1, np.nan)])
    assert isinstance(found, Measure)
    assert found.items == len(SAS)
    assert found.note.startswith("1 items")
    with pytest.raises(ConfigError, match="needs a seed"):
        cohen_kappa(SAS, clusters=range(len(SAS)))
    clustered = cohen_kappa(SAS, clusters=np.arange(len(SAS)) // 2, seed=3)
    assert isinstance(clustered, Measure)
    assert isinstance(clustered.interval, Interval)
    assert "clusters of items" in clustered.interval.method
