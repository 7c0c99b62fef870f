"""Repeated items of one reader."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from heatmaps.readers.statistics.kappa import cohen_kappa
from heatmaps.readers.statistics.measures import Absent, Interval, Measure
from heatmaps.readers.statistics.repeats import limits_of_agreement, self_agreement
from models.evaluation.estimates import Proportion


def test_each_reader_is_judged_by_the_own_repeats() -> None:
    frame = pd.DataFrame(
        {
            "reader": ["steady"] * 4 + ["moody"] * 5,
            "item": [*range(4), *range(5)],
            "first": [1, 2, 3, 5, 1, 2, 3, 4, 5],
            "second": [1, 2, 3, 5, 5, 2, 1, 4, np.nan],
        }
    )
    moody, steady = self_agreement(frame, range(1, 6))
    assert (moody.reader, steady.reader) == ("moody", "steady")
    assert isinstance(steady.equal, Proportion)
    assert (steady.equal.count, steady.equal.total) == (4, 4)
    assert isinstance(steady.kappa, Measure)
    assert steady.kappa.value == pytest.approx(1.0)
    assert isinstance(moody.equal, Proportion)
    assert (moody.equal.count, moody.equal.total) == (2, 4)
    expected = cohen_kappa([(1, 5), (2, 2), (3, 1), (4, 4)], weighting="quadratic", categories=range(1, 6))
    assert moody.kappa == expected


def test_limits_hold_95_per_cent_of_normal_differences() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(60, 10, (2, 20_000))
    found = limits_of_agreement(first, second - 3)
    inside = np.mean((first - second + 3 >= found.low) & (first - second + 3 <= found.high))  # type: ignore[union-attr]
    assert inside == pytest.approx(0.95, abs=0.005)
    assert isinstance(found.bias.interval, Interval)  # type: ignore[union-attr]
    assert found.bias.interval.low < 3 < found.bias.interval.high  # type: ignore[union-attr]


def test_too_few_and_constant_differences_get_a_sentence() -> None:
    few = limits_of_agreement([1, 2, np.nan], [1, 2, 3])
    assert isinstance(few, Absent)
    assert "there are 2" in few.reason
    constant = limits_of_agreement([1, 2, 3], [0, 1, 2])
    assert isinstance(constant.bias.interval, Absent)  # type: ignore[union-attr]
    assert constant.low == constant.high == constant.bias.value == 1.0  # type: ignore[union-attr]
