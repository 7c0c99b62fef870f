"""Means and differences with intervals over cases (patients), and the sentence where there are too few."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmaps.readers.statistics.answers_table import wide
from heatmaps.readers.statistics.arms import ArmDifference, compare_bootstrap, compare_crossed, holm
from heatmaps.readers.statistics.arms_over_cases import compare_over_cases
from heatmaps.readers.statistics.measures import Absent, Measure, Test
from heatmaps.readers.statistics.resampling import RESAMPLES, percentile_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

MIN_CASES = 5
"""Cases that an interval over cases needs; percentiles of fewer say next to nothing about other cases."""

MIN_ITEMS = 10
"""Items with two answers that a coefficient of agreement needs before it is shown."""


def mean_over_cases(name: str, rows: pd.DataFrame, seed: int, resamples: int = RESAMPLES) -> Measure | Absent:
    """Return the mean of ``rating`` with a bootstrap interval over ``case``; ``rows`` also name the ``reader``."""
    if not len(rows):
        return Absent("there is no answer")
    values = rows["rating"].to_numpy(dtype=float)
    cases, readers = rows["case"].nunique(), rows["reader"].nunique()

    def mean(w: NDArray[np.float64]) -> float:
        return float(w @ values / w.sum()) if w.sum() else np.nan

    interval = few(cases) if cases < MIN_CASES else percentile_interval(mean, {"cases": rows["case"]}, seed, resamples)
    return Measure(name, float(values.mean()), interval, cases, readers)


def differences(rows: pd.DataFrame, arms: Sequence[str], seed: int) -> tuple[ArmDifference, ...]:
    """Compare each pair of arms over cases, for these readers, with Holm's correction.

    Parameters
    ----------
    rows
        Columns ``reader``, ``case``, ``arm``, ``rating``.
    arms
        In order; a difference is the earlier minus the later.
    """
    return holm([_over_cases(rows, a, b, seed) for a, b in combinations(arms, 2)])


def for_other_readers(
    rows: pd.DataFrame, first: str, second: str, seed: int, resamples: int = RESAMPLES
) -> tuple[Measure | Absent, Test | Absent]:
    """Return the difference with an interval that speaks of other readers too and its test, or why there is none.

    The mixed model where every reader rated every case in both arms, since it holds its level with few readers;
    otherwise the bootstrap over readers and cases.
    """
    if rows["reader"].nunique() < 2:
        none = Absent("one reader can't speak for others")
        return none, none
    crossed = compare_crossed(rows, first, second)
    if (
        isinstance(crossed.difference, Measure)
        and crossed.difference.items >= MIN_CASES
        and not crossed.difference.note
    ):
        return crossed.difference, crossed.test
    least = min(_cases(rows, first), _cases(rows, second))
    if least < MIN_CASES:
        return few(least), few(least)
    found = compare_bootstrap(rows, first, second, seed, resamples)
    return found.difference, found.test


def items_by_readers(rows: pd.DataFrame, answer: str = "rating") -> tuple[pd.DataFrame, NDArray[Any], int]:
    """Return answers as items by readers, each item's case, and how many items have two answers."""
    table = wide(rows, "item", "reader", answer)
    cases = rows.drop_duplicates("item").set_index("item")["case"].reindex(table.index).to_numpy()
    return table, cases, int((table.notna().sum(axis=1) >= 2).sum())


def few_items(shared: int) -> Absent:
    """Return the sentence that too few items have two answers."""
    return Absent(f"too few items were answered by two readers ({shared}; at least {MIN_ITEMS} are needed)")


def few(cases: int) -> Absent:
    """Return the sentence that there are too few cases."""
    return Absent(f"there are too few cases for an interval ({cases}; at least {MIN_CASES} are needed)")


def _over_cases(rows: pd.DataFrame, first: str, second: str, seed: int) -> ArmDifference:
    found = compare_over_cases(rows, first, second, seed)
    least = min(_cases(rows, first), _cases(rows, second))
    if least >= MIN_CASES or isinstance(found.difference, Absent):
        return found
    return replace(found, difference=replace(found.difference, interval=few(least)), test=few(least))


def _cases(rows: pd.DataFrame, arm: str) -> int:
    return int(rows.loc[rows["arm"] == arm, "case"].nunique())
