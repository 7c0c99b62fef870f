from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from models.evaluation.bootstrap import bootstrap, weighted_areas
from models.evaluation.discrimination import discriminate
from models.evaluation.estimates import Absent, Estimate
from models.evaluation.roc import delong_interval


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8), st.integers(0, 3)), min_size=1, max_size=40),
    st.integers(1, 3),
)
def test_weighted_areas_are_scikit_learns(rows: list[tuple[int, int, int]], weight: int) -> None:
    table = np.array([(0, 2, weight), (1, 5, weight), *rows])
    y, p, w = table[:, 0], table[:, 1] / 8, table[:, 2]
    auroc, auprc = weighted_areas(y, p, np.stack([w, np.ones_like(w)]))
    assert auroc[0] == pytest.approx(roc_auc_score(y, p, sample_weight=w), abs=1e-12)
    assert auprc[0] == pytest.approx(average_precision_score(y, p, sample_weight=w), abs=1e-12)
    assert auroc[1] == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    assert auprc[1] == pytest.approx(average_precision_score(y, p), abs=1e-12)


def test_a_seed_fixes_the_interval_and_another_moves_it(asah: dict[str, np.ndarray]) -> None:
    y, p = asah["poor"], asah["s100b"] / 300
    assert bootstrap(y, p, 1) == bootstrap(y, p, 1)
    assert bootstrap(y, p, 1) != bootstrap(y, p, 2)


def test_bootstrap_and_delong_agree_on_a_cohort_of_some_size(asah: dict[str, np.ndarray]) -> None:
    y, p = asah["poor"], asah["s100b"] / 300
    low, high = bootstrap(y, p, 0, resamples=4000).auroc
    analytic = delong_interval(y, p)
    assert isinstance(analytic, Estimate)
    assert (low, high) == pytest.approx((analytic.low, analytic.high), abs=0.02)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10)), max_size=12))
def test_every_interval_holds_its_estimate(rows: list[tuple[int, int]]) -> None:
    table = np.array([(0, 2), (0, 3), (1, 5), (1, 3), *rows])
    found = discriminate(table[:, 0], table[:, 1] / 10, seed=0, resamples=50)
    for estimate in (found.bootstrapped, found.auprc, found.headline):
        assert isinstance(estimate, Estimate)
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_one_patient_of_a_class_has_an_area_and_no_bootstrap() -> None:
    found = discriminate(np.array([0, 0, 0, 1]), np.array([0.1, 0.2, 0.6, 0.5]), seed=0)
    assert found.auroc.value == pytest.approx(2 / 3)
    assert isinstance(found.bootstrapped, Absent)
    assert isinstance(found.auprc, Absent)
    assert found.headline.low < 0.35
