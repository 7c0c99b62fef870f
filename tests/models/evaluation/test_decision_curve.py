from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.decision_curve import NetBenefit, decision_curve, useful_range


def test_net_benefit_and_spared_tests_are_those_of_dcurves() -> None:
    """df_binary of the R package dcurves (commit 2362730) has 750 patients, 105 of them with cancer; from 25 % on its
    model calls 72 of these and 72 others. Its tests expect -0.1466667 for all, 0.064 for the model, 0.632 spared."""
    labels = np.repeat([1, 0], [105, 645])
    scores = np.concatenate([np.repeat([0.25, 0.1], [72, 33]), np.repeat([0.6, 0.2], [72, 573])])
    (found,) = decision_curve(labels, scores, [0.25])
    assert found.everybody == pytest.approx(-0.1466667, abs=1e-7)
    assert found.model == pytest.approx(0.0640000, abs=1e-7)
    assert found.spared_per_100 == pytest.approx(63.2, abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 100)), min_size=1, max_size=60))
def test_no_model_beats_the_truth_and_a_constant_one_is_everybody(rows: list[tuple[int, int]]) -> None:
    table = np.array(rows)
    y, p = table[:, 0], table[:, 1] / 100
    truth = decision_curve(y, y.astype(float))
    for best, point in zip(truth, decision_curve(y, p), strict=True):
        assert best.model == pytest.approx(y.mean())
        assert point.model <= best.model + 1e-12
    for point in decision_curve(y, np.ones(len(y))):
        assert point.model == pytest.approx(point.everybody)
        assert point.spared_per_100 == pytest.approx(0, abs=1e-9)


def test_the_longest_useful_run_is_named() -> None:
    def at(threshold: float, model: float) -> NetBenefit:
        return NetBenefit(threshold, model, 0.1 - threshold, 0.0)

    curve = [at(0.01, 0.2), at(0.02, 0.0), at(0.03, 0.3), at(0.04, 0.3), at(0.05, 0.04)]
    assert useful_range(curve) == (0.03, 0.04)
    assert useful_range([at(0.2, -0.1), at(0.3, 0.0)]) is None
    assert useful_range([at(0.2, 0.1)]) == (0.2, 0.2)
