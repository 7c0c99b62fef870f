"""Metrics of counts, against scikit-learn and against the proportions of an evaluation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from models.evaluation.counts import rates
from models.evaluation.estimates import Absent
from models.evaluation.operating_points import Locked, exact_proportion, try_threshold

COUNT = st.integers(0, 40)


@settings(deadline=None)
@given(COUNT, COUNT, COUNT, COUNT)
def test_metrics_are_those_of_others(tp: int, tn: int, fp: int, fn: int) -> None:
    labels = np.repeat([1, 0, 0, 1], [tp, tn, fp, fn])
    calls = np.repeat([1, 0, 1, 0], [tp, tn, fp, fn])
    found = rates([tp], [tn], [fp], [fn])
    if len(labels):
        assert found["accuracy"][0] == pytest.approx(accuracy_score(labels, calls))
    else:
        assert all(np.isnan(value[0]) for value in found.values())
    if tp + fp + fn:
        assert found["f1"][0] == pytest.approx(f1_score(labels, calls))
    if tp + fn:
        assert found["sensitivity"][0] == pytest.approx(recall_score(labels, calls))
    if tp + fp:
        assert found["precision"][0] == pytest.approx(precision_score(labels, calls))
    point = try_threshold(labels, calls.astype(float), Locked(0.9, 0.5, exact_proportion(1, 1), ""))
    for name, share in (
        ("sensitivity", point.sensitivity),
        ("specificity", point.specificity),
        ("precision", point.ppv),
    ):
        assert np.isnan(found[name][0]) if isinstance(share, Absent) else found[name][0] == share.value


def test_a_model_that_finds_no_case_has_an_f1_of_zero() -> None:
    found = rates(tp=[0, 0], tn=[5, 5], fp=[0, 1], fn=[3, 3])
    assert found["f1"].tolist() == [0.0, 0.0]
    assert np.isnan(found["precision"][0])
