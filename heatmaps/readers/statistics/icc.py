"""Intraclass correlation of continuous ratings, in the six forms of Shrout and Fleiss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import f as f_distribution

from heatmaps.readers.statistics.answers_table import number_table
from heatmaps.readers.statistics.measures import Absent, Interval, Measure
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMS = {
    "ICC(1,1)": "ICC(1)",
    "ICC(2,1)": "ICC(A,1)",
    "ICC(3,1)": "ICC(C,1)",
    "ICC(1,k)": "ICC(k)",
    "ICC(2,k)": "ICC(A,k)",
    "ICC(3,k)": "ICC(C,k)",
}
"""Shrout and Fleiss' name -> McGraw and Wong's."""


def icc(answers: Any, form: str = "ICC(2,1)", confidence: float = 0.95) -> Measure | Absent:
    """Return an intraclass correlation with its interval from F distributions.

    Shrout and Fleiss (Psychological Bulletin 1979; 86: 420-428), intervals as in McGraw and Wong (Psychological Methods
    1996; 1: 30-46). ICC(1,.): every item has readers of its own (one-way). ICC(2,.): the same readers, a sample of all
    readers; absolute agreement, so a reader who is always stricter lowers it. ICC(3,.): these readers; consistency.
    ``,1`` is about one reader's rating, ``,k`` about the mean of the k readers. Ratings are taken as normal with equal
    variances; items with a gap are left out.

    Degrees of freedom: n - 1 and n (k - 1) for the one-way forms, n - 1 and (n - 1)(k - 1) for ICC(3,.), and for
    ICC(2,.) n - 1 and Satterthwaite's.

    Parameters
    ----------
    answers
        Items by readers, numbers.
    form
        A key of ``FORMS``.
    confidence
        Nominal coverage.

    Raises
    ------
    ConfigError
        If there is no such form, or an answer isn't a number.
    """
    if form not in FORMS:
        msg = f"there is no form {form} of the ICC; take one of {', '.join(FORMS)}"
        raise ConfigError(msg)
    table = number_table(answers)
    whole = table[np.isfinite(table).all(axis=1)]
    n, k = whole.shape
    name = f"{form} of Shrout and Fleiss, {FORMS[form]} of McGraw and Wong"
    if n < 2 or k < 2:
        return Absent(f"{name} needs two readers and two items without a gap; there are {k} readers and {n} such items")
    items, readers, rest, inside = mean_squares(whole)
    if items <= 1e-12 * (items + readers + inside):
        return Absent(f"{name} is undefined: the items' mean ratings are all the same")
    tail = (1.0 - confidence) / 2.0
    value, low, high = {
        "1": lambda: _one_way(items, inside, n, k, tail),
        "2": lambda: _agreement(items, readers, rest, n, k, tail),
        "3": lambda: _consistency(items, rest, n, k, tail),
    }[form[4]]()
    if form.endswith("k)"):
        value, low, high = (_average(x, k) for x in (value, low, high))
    left_out = len(table) - n
    note = f"{left_out} items with a gap are left out" if left_out else ""
    sure = not np.isfinite([low, high]).all() or high - low < 1e-12
    interval = (
        Absent("the error's mean square is 0, or its degrees of freedom are: there is no interval that says anything")
        if sure
        else Interval(float(low), float(high), f"F, McGraw and Wong 1996, {confidence:.0%}")
    )
    return Measure(name, float(value), interval, n, k, note)


def mean_squares(table: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Return the mean squares between items, between readers, of the rest, and within items."""
    n, k = table.shape
    grand, by_item, by_reader = table.mean(), table.mean(axis=1), table.mean(axis=0)
    items = k * ((by_item - grand) ** 2).sum() / (n - 1)
    readers = n * ((by_reader - grand) ** 2).sum() / (k - 1)
    rest = ((table - by_item[:, None] - by_reader + grand) ** 2).sum() / ((n - 1) * (k - 1))
    inside = ((table - by_item[:, None]) ** 2).sum() / (n * (k - 1))
    return float(items), float(readers), float(rest), float(inside)


def _one_way(items: float, inside: float, n: int, k: int, tail: float) -> tuple[float, float, float]:
    return _from_ratio(items, inside, n - 1, n * (k - 1), k, tail)


def _consistency(items: float, rest: float, n: int, k: int, tail: float) -> tuple[float, float, float]:
    return _from_ratio(items, rest, n - 1, (n - 1) * (k - 1), k, tail)


def _from_ratio(top: float, bottom: float, df1: int, df2: int, k: int, tail: float) -> tuple[float, float, float]:
    value = (top - bottom) / (top + (k - 1) * bottom)
    if bottom < 1e-12:
        return value, np.nan, np.nan
    ratio = top / bottom
    low = ratio / f_distribution.ppf(1.0 - tail, df1, df2)
    high = ratio * f_distribution.ppf(1.0 - tail, df2, df1)
    return value, (low - 1.0) / (low + k - 1.0), (high - 1.0) / (high + k - 1.0)


def _agreement(items: float, readers: float, rest: float, n: int, k: int, tail: float) -> tuple[float, float, float]:
    value = (items - rest) / (items + (k - 1) * rest + k * (readers - rest) / n)
    if rest < 1e-12:
        return value, np.nan, np.nan
    ratio = readers / rest
    share = n * (1.0 + (k - 1) * value) - k * value
    df = (k - 1) * (n - 1) * (k * value * ratio + share) ** 2 / ((n - 1) * (k * value * ratio) ** 2 + share**2)
    upper, lower = f_distribution.ppf(1.0 - tail, n - 1, df), f_distribution.ppf(1.0 - tail, df, n - 1)
    between = k * readers + (k * n - k - n) * rest
    with np.errstate(invalid="ignore", over="ignore"):  # an F with next to no degrees of freedom has infinite ends
        low = n * (items - upper * rest) / (upper * between + n * items)
        high = n * (lower * items - rest) / (between + n * lower * items)
    return value, low, high


def _average(value: float, k: int) -> float:
    """Step one reader's reliability up to that of the mean of k (Spearman and Brown)."""
    bottom = 1.0 + (k - 1) * value
    return value * k / bottom if abs(bottom) > 1e-12 else -np.inf
