"""Answers before and after advice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from heatmaps.readers.statistics.assistance import assistance, mcnemar_exact
from heatmaps.readers.statistics.measures import Absent, Interval, Measure, Test
from pipelines.errors import ConfigError


def drawn(rng: np.random.Generator, readers: int = 5, cases: int = 60, follow: float = 0.5) -> pd.DataFrame:
    """Readers right in 70 %, advice right in 80 % and followed by ``follow`` of those who disagree."""
    truth = np.tile(rng.integers(0, 2, cases), readers)
    wrong_advice = np.tile(rng.random(cases) < 0.2, readers)
    advice = np.where(wrong_advice, 1 - truth, truth)
    first = np.where(rng.random(len(truth)) < 0.7, truth, 1 - truth)
    second = np.where(rng.random(len(truth)) < follow, advice, first)
    reader, case = np.repeat(np.arange(readers), cases), np.tile(np.arange(cases), readers)
    return pd.DataFrame(
        {"reader": reader, "case": case, "truth": truth, "advice": advice, "first": first, "second": second}
    )


def value(found: Measure | Absent) -> float:
    assert isinstance(found, Measure)
    return found.value


def test_shares_are_those_counted_by_hand() -> None:
    #         truth advice first second
    rows = [
        ("a", 1, 1, 0, 1, 0),  # right first, wrong advice, spoiled
        ("a", 2, 1, 0, 1, 1),  # right first, wrong advice, kept
        ("a", 3, 0, 0, 1, 0),  # wrong first, right advice, corrected
        ("b", 1, 1, 0, 0, 0),  # wrong first, wrong advice
        ("b", 2, 1, 1, 0, 0),  # wrong first, right advice, not corrected
        ("b", 3, 0, 0, 0, 0),  # right, right advice
    ]
    frame = pd.DataFrame(rows, columns=["reader", "case", "truth", "advice", "first", "second"])
    found = assistance(frame, seed=1, resamples=50)
    assert value(found.changed) == pytest.approx(2 / 6)
    assert value(found.before) == pytest.approx(3 / 6)
    assert value(found.after) == pytest.approx(3 / 6)
    assert value(found.gain) == pytest.approx(0)
    assert value(found.automation_bias) == pytest.approx(1 / 2)
    assert value(found.spoiled_by_wrong) == pytest.approx(1 / 3)
    assert value(found.benefit) == pytest.approx(1 / 2)
    assert value(found.corrected_by_right) == pytest.approx(1 / 3)
    assert value(found.gain_wrong) == pytest.approx(-1 / 3)
    assert value(found.gain_right) == pytest.approx(1 / 3)
    assert [(c.reader, c.corrected, c.spoiled) for c in found.by_reader] == [("a", 1, 1), ("b", 0, 0)]
    assert isinstance(found.by_reader[1].mcnemar, Absent)
    assert (found.pooled.answers, found.pooled.corrected, found.pooled.spoiled) == (6, 1, 1)


@given(st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_mcnemar_is_statsmodels(corrected: int, spoiled: int) -> None:
    found = mcnemar_exact(corrected, spoiled)
    if corrected + spoiled == 0:
        assert isinstance(found, Absent)
        return
    assert isinstance(found, Test)
    expected = mcnemar([[5, corrected], [spoiled, 7]], exact=True).pvalue
    assert found.p == pytest.approx(expected, rel=1e-9)


def test_automation_bias_is_the_share_that_follows() -> None:
    frame = drawn(np.random.default_rng(1), readers=20, cases=400, follow=0.3)
    found = assistance(frame, seed=1, resamples=200)
    assert value(found.automation_bias) == pytest.approx(0.3, abs=0.03)
    assert value(found.benefit) == pytest.approx(0.3, abs=0.03)


def test_nobody_follows_or_advice_is_never_wrong() -> None:
    stubborn = assistance(drawn(np.random.default_rng(2), follow=0.0), seed=1, resamples=50)
    assert value(stubborn.changed) == value(stubborn.gain) == value(stubborn.automation_bias) == 0.0
    assert isinstance(stubborn.changed, Measure)
    assert isinstance(stubborn.changed.interval, Absent)
    frame = drawn(np.random.default_rng(3))
    perfect = assistance(frame.assign(advice=frame["truth"]), seed=1, resamples=50)
    assert isinstance(perfect.automation_bias, Absent)
    assert perfect.automation_bias.reason == "there is no right first answer with wrong advice"
    assert value(perfect.gain) > 0


def test_the_classes_names_are_nothing() -> None:
    frame = drawn(np.random.default_rng(4))
    turned = frame.assign(**{name: 1 - frame[name] for name in ("truth", "advice", "first", "second")})
    assert assistance(turned, seed=1, resamples=100) == assistance(frame, seed=1, resamples=100)


def test_the_interval_of_the_gain_covers_it() -> None:
    """With follow 0.5 accuracy goes from 0.7 to half 0.7, half 0.8."""
    rng = np.random.default_rng(5)
    hits = 0
    for i in range(60):
        gain = assistance(drawn(rng, readers=8, cases=40), seed=i, resamples=100).gain
        assert isinstance(gain, Measure)
        assert isinstance(gain.interval, Interval)
        hits += gain.interval.low <= 0.05 <= gain.interval.high
    assert hits >= 52


def test_bad_tables_are_refused() -> None:
    frame = drawn(np.random.default_rng(6))
    with pytest.raises(ConfigError, match="column second must hold 0 or 1; row 0 holds 2"):
        assistance(frame.assign(second=2), seed=1)
    with pytest.raises(ConfigError, match="more than once"):
        assistance(pd.concat([frame, frame.iloc[:1]]), seed=1)
    with pytest.raises(ConfigError, match="no column advice"):
        assistance(frame.drop(columns="advice"), seed=1)
    with pytest.raises(ConfigError, match="no answer"):
        assistance(frame.iloc[:0], seed=1)
