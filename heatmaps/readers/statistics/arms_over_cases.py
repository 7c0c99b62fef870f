"""Arms of a study against each other for these readers: the bootstrap over cases alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from heatmaps.readers.statistics.arms import ArmDifference, bootstrap_test, split_arms
from heatmaps.readers.statistics.measures import Absent, Measure
from heatmaps.readers.statistics.resampling import interval_of, resampled_sums

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 20_000
"""So many that p can be as small as 0.0001: a correction for a hundred comparisons leaves it below 0.05."""


def compare_over_cases(
    frame: pd.DataFrame, first: str, second: str, seed: int, resamples: int = RESAMPLES
) -> ArmDifference:
    """Compare two arms' mean ratings by the bootstrap over cases.

    Cases are drawn as a whole, with every rating of every reader in both arms, so answers on one case may depend on
    each other. Readers are not drawn: the interval speaks of these readers and other cases.

    Parameters
    ----------
    frame
        Columns ``reader``, ``case`` (of tiles: the patient), ``arm`` and ``rating``; one row per answer.
    first, second
        Arms.
    seed, resamples
        Of the bootstrap.

    Raises
    ------
    ConfigError
        If an arm has no rating, or a rating is no number.
    """
    rows, rating, in_first = split_arms(frame, first, second)
    cases, index = np.unique(rows["case"].to_numpy(), return_inverse=True)
    name = f"mean rating, {first} minus {second}, these readers"
    means = (float(rating[in_first].mean()), float(rating[~in_first].mean()))
    readers = rows["reader"].nunique()
    if len(cases) < 2:
        none = Absent(f"there are too few cases for an interval ({len(cases)}; at least 2 are needed)")
        return ArmDifference(first, second, means, Measure(name, means[0] - means[1], none, len(cases), readers), none)
    # Sums and counts per case hold all that a mean needs.
    parts = np.stack(
        [
            np.bincount(index[there], weights=weights[there], minlength=len(cases))
            for there in (in_first, ~in_first)
            for weights in (rating, np.ones(len(rating)))
        ]
    )
    sum_first, n_first, sum_second, n_second = resampled_sums(parts, seed, resamples)
    with np.errstate(invalid="ignore", divide="ignore"):  # NaN where an arm was not drawn
        values = sum_first / n_first - sum_second / n_second
    interval = interval_of(values, "cases", seed)
    measure = Measure(name, means[0] - means[1], interval, len(cases), readers)
    test = interval if isinstance(interval, Absent) else bootstrap_test(values, "cases")
    return ArmDifference(first, second, means, measure, test)
