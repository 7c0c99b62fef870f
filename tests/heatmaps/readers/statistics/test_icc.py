"""ICCs against the example of Shrout and Fleiss as R prints it, and what must hold of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatmaps.readers.statistics.icc import FORMS, icc
from heatmaps.readers.statistics.measures import Absent, Interval, Measure
from pipelines.errors import ConfigError

# Shrout and Fleiss (Psychological Bulletin 1979; 86: 420-428), table 2: six targets, four judges.
EXAMPLE = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
PSYCH = {
    "ICC(1,1)": (0.17, -0.133, 0.72),
    "ICC(2,1)": (0.29, 0.019, 0.76),
    "ICC(3,1)": (0.71, 0.342, 0.95),
    "ICC(1,k)": (0.44, -0.884, 0.91),
    "ICC(2,k)": (0.62, 0.071, 0.93),
    "ICC(3,k)": (0.91, 0.676, 0.99),
}
"""What the R package psych prints for them: two digits, three for the lower ends."""


@pytest.mark.parametrize("form", FORMS)
def test_values_and_intervals_are_those_of_r(form: str) -> None:
    found = icc(EXAMPLE, form)
    assert isinstance(found, Measure)
    assert isinstance(found.interval, Interval)
    value, low, high = PSYCH[form]
    assert found.value == pytest.approx(value, abs=5e-3)
    assert found.interval.low == pytest.approx(low, abs=6e-4)
    assert found.interval.high == pytest.approx(high, abs=6e-3)


tables = st.lists(st.lists(st.integers(0, 20), min_size=3, max_size=3), min_size=3, max_size=10)


@given(tables, st.sampled_from(sorted(FORMS)), st.integers(-5, 5), st.sampled_from([0.5, 3.0]))
@settings(max_examples=80, deadline=None)
def test_the_scale_and_the_order_are_nothing(rows: list[list[int]], form: str, shift: int, factor: float) -> None:
    plain = icc(rows, form)
    changed = icc((np.array(rows) * factor + shift)[::-1, ::-1], form)
    assert isinstance(plain, Absent) == isinstance(changed, Absent)
    if isinstance(plain, Measure) and isinstance(changed, Measure):
        assert changed.value == pytest.approx(plain.value, abs=1e-8, rel=1e-8)


@given(tables)
@settings(max_examples=60, deadline=None)
def test_a_stricter_reader_lowers_agreement_but_not_consistency(rows: list[list[int]]) -> None:
    strict = np.array(rows) - [0, 0, 100]
    for form in ("ICC(3,1)", "ICC(3,k)"):
        plain, changed = icc(rows, form), icc(strict, form)
        if isinstance(plain, Measure) and isinstance(changed, Measure):
            assert changed.value == pytest.approx(plain.value, abs=1e-6)
    agreement = icc(strict, "ICC(2,1)")
    if isinstance(agreement, Measure):
        assert agreement.value < 0.1


def test_perfect_agreement_is_1_without_an_interval() -> None:
    for form in FORMS:
        found = icc([[1, 1, 1], [5, 5, 5], [3, 3, 3]], form)
        assert isinstance(found, Measure)
        assert found.value == pytest.approx(1.0)
        assert isinstance(found.interval, Absent)


def test_ratings_by_chance_give_about_0() -> None:
    ratings = np.random.default_rng(3).normal(size=(2000, 4))
    for form in FORMS:
        found = icc(ratings, form)
        assert isinstance(found, Measure)
        assert abs(found.value) < 0.1


def test_what_is_undefined_gets_a_sentence_and_gaps_are_counted() -> None:
    same = icc([[3, 3], [3, 3]])
    assert isinstance(same, Absent)
    assert "mean ratings are all the same" in same.reason
    short = icc([[1, 2], [np.nan, 3]])
    assert isinstance(short, Absent)
    assert "1 such items" in short.reason
    found = icc([*EXAMPLE, [1, 2, 3, np.nan]])
    assert isinstance(found, Measure)
    assert found.items == 6
    assert found.note == "1 items with a gap are left out"
    with pytest.raises(ConfigError, match="'high' is an answer, but not a number"):
        icc([[1, "high"], [2, 3]])
    with pytest.raises(ConfigError, match="no form ICC"):
        icc(EXAMPLE, "ICC(4,1)")


@pytest.mark.parametrize(("form", "truth"), [("ICC(2,1)", 1 / (1 + 0.25 + 0.49)), ("ICC(3,1)", 1 / 1.49)])
def test_intervals_cover_the_truth(form: str, truth: float) -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(200):
        ratings = rng.normal(0, 1, (30, 1)) + rng.normal(0, 0.5, (1, 5)) + rng.normal(0, 0.7, (30, 5))
        found = icc(ratings, form)
        assert isinstance(found, Measure)
        assert isinstance(found.interval, Interval)
        hits += found.interval.low <= truth <= found.interval.high
    assert 180 <= hits < 200
