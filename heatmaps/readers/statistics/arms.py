"""Arms of a study against each other on ratings, where the same readers and cases come back in every arm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import t as t_distribution

from heatmaps.readers.statistics.columns import having, numbers
from heatmaps.readers.statistics.icc import mean_squares
from heatmaps.readers.statistics.measures import Absent, Interval, Measure, Test
from heatmaps.readers.statistics.resampling import RESAMPLES, interval_of, resampled
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

COLUMNS = ("reader", "case", "arm", "rating")


@dataclass(frozen=True)
class ArmDifference:
    """Two arms.

    Attributes
    ----------
    first, second
        Their names.
    means
        Mean rating of each.
    difference
        First minus second, or why there is none.
    test
        Of no difference.
    p_holm
        Corrected for every comparison made together; None without a test.
    """

    first: str
    second: str
    means: tuple[float, float]
    difference: Measure | Absent
    test: Test | Absent
    p_holm: float | None = None


def compare_bootstrap(
    frame: pd.DataFrame, first: str, second: str, seed: int, resamples: int = RESAMPLES
) -> ArmDifference:
    """Compare two arms' mean ratings (or shares, for ratings of 0 and 1) by the bootstrap over readers and cases.

    Readers and cases are drawn independently (``resampling.resampled``), so the interval speaks of other readers and
    other cases; ``arms_over_cases`` speaks of these readers. It assumes nothing of the ratings' distribution. With
    fewer than some five readers or twenty cases percentiles are too narrow; then take ``compare_crossed``. The p is
    twice the smaller share of resamples on either side of 0, counting one more.

    Parameters
    ----------
    frame
        Columns ``reader``, ``case`` (of tiles: the patient), ``arm`` and ``rating``; one row per answer.
    first, second
        Arms.
    seed, resamples
        Of the bootstrap.
    """
    rows, rating, in_first = split_arms(frame, first, second)

    def difference(w: NDArray[np.float64]) -> float:
        a, b = w[in_first], w[~in_first]
        if not a.sum() or not b.sum():
            return np.nan
        return float(a @ rating[in_first] / a.sum() - b @ rating[~in_first] / b.sum())

    means = (float(rating[in_first].mean()), float(rating[~in_first].mean()))
    values = resampled(difference, {"readers": rows["reader"], "cases": rows["case"]}, seed, resamples)
    readers, cases = rows["reader"].nunique(), rows["case"].nunique()
    name = f"mean rating, {first} minus {second}"
    if isinstance(values, Absent):
        return ArmDifference(first, second, means, Measure(name, means[0] - means[1], values, cases, readers), values)
    interval = interval_of(values, "readers and cases", seed)
    measure = Measure(name, means[0] - means[1], interval, cases, readers)
    if isinstance(interval, Absent):
        return ArmDifference(first, second, means, measure, interval)
    return ArmDifference(first, second, means, measure, bootstrap_test(values, "readers and cases"))


def compare_crossed(
    frame: pd.DataFrame,
    first: str,
    second: str,
    readers: Literal["random", "fixed"] = "random",
    confidence: float = 0.95,
) -> ArmDifference:
    """Compare two arms where every reader rated every case in both, by the mixed model's analysis of variance.

    Readers and cases are crossed random factors that each interact with the arm. For the differences d of R readers
    on C cases, with mean squares of readers, cases and the rest: var(mean d) = [MSR + max(MSC - MSE, 0)] / (R C), and t
    with Satterthwaite's degrees of freedom (Biometrics Bulletin 1946; 2: 110-114): the square of the bracket over the
    sum of each mean square's square by its own. With ``readers="fixed"`` it is the paired t test over cases, MSC / (R
    C) with C - 1, and speaks of these readers only. On complete tables REML gives the same standard error unless a
    component lies at 0, where it often fails to converge.

    Several ratings of a reader on a case in an arm (tiles of a patient) are averaged first. Differences are taken as
    normal. Cases that lack a cell are left out and counted.
    """
    rows = two_arms(frame, first, second)
    cells = rows.groupby(["case", "reader", "arm"])["rating"].mean().unstack("arm")
    means = (_arm_mean(rows, first), _arm_mean(rows, second))
    name = f"mean rating, {first} minus {second}, {readers} readers"
    table = (cells[first] - cells[second]).unstack("reader")
    whole = table.dropna().to_numpy()
    c, r = whole.shape
    reason = None
    if readers == "random" and r < 2:
        reason = Absent("one reader can't speak for others: take fixed readers, or add readers")
    elif c < 3:
        reason = Absent(f"only {c} cases were rated by every reader in both arms; at least 3 are needed")
    if reason:
        return ArmDifference(first, second, means, reason, reason)
    by_case, by_reader, rest, _ = mean_squares(whole) if r > 1 else (float(whole.var(ddof=1)), 0.0, 0.0, 0.0)
    error, df = (by_case, c - 1.0)
    if readers == "random":
        terms = (
            [(by_reader, r - 1), (by_case, c - 1), (rest, (r - 1) * (c - 1))]
            if by_case > rest
            else [(by_reader, r - 1)]
        )
        error = by_reader + max(by_case - rest, 0.0)
        spread_of_error = sum(ms**2 / own for ms, own in terms)
        df = error**2 / spread_of_error if spread_of_error > 0 else np.inf
    value = float(whole.mean())
    left_out = len(table) - c
    note = f"{left_out} cases without a rating by every reader in both arms are left out" if left_out else ""
    if error < 1e-15:
        none = Absent("every reader has the same difference on every case, so an interval would claim certainty")
        return ArmDifference(first, second, means, Measure(name, value, none, c, r, note), none)
    spread = (error / (r * c)) ** 0.5
    half = float(t_distribution.ppf(0.5 + confidence / 2.0, df)) * spread
    interval = Interval(value - half, value + half, f"t with {df:.2f} degrees of freedom, {confidence:.0%}")
    p = 2.0 * float(t_distribution.sf(abs(value) / spread, df))
    measure = Measure(name, value, interval, c, r, note)
    return ArmDifference(first, second, means, measure, Test("mixed model, t", value / spread, (df,), p))


def compare_all(
    frame: pd.DataFrame, arms: Sequence[str], seed: int, resamples: int = RESAMPLES
) -> tuple[ArmDifference, ...]:
    """Compare each pair of arms by ``compare_bootstrap``, and correct by Holm for the number of pairs tested."""
    found = [compare_bootstrap(frame, a, b, seed, resamples) for a, b in combinations(arms, 2)]
    return holm(found)


def bootstrap_test(values: NDArray[np.float64], over: str) -> Test:
    """Return twice the smaller share of resamples on either side of 0, counting one more."""
    there = values[np.isfinite(values)]
    smaller = min((there <= 0).sum(), (there >= 0).sum())
    return Test(f"bootstrap over {over}", None, (), float(min(1.0, 2.0 * (smaller + 1) / (len(there) + 1))))


def holm(found: Sequence[ArmDifference]) -> tuple[ArmDifference, ...]:
    """Return comparisons with p corrected for their number; those without a test stay without."""
    corrected = iter(holm_p([f.test.p for f in found if isinstance(f.test, Test)]))
    return tuple(f if isinstance(f.test, Absent) else replace(f, p_holm=next(corrected)) for f in found)


def holm_p(tested: Sequence[float]) -> list[float]:
    """Return p values corrected by Holm (Scandinavian Journal of Statistics 1979; 6: 65-70), in their order."""
    p = np.asarray(tested, float)
    order = np.argsort(p, kind="stable")
    steps = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return [float(one) for one in steps[np.argsort(order, kind="stable")]]


def two_arms(frame: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Return the ratings of both arms, or raise ``ConfigError`` if one has none or a rating is no number."""
    rows = having(frame, COLUMNS)
    for arm in (first, second):
        if not (rows["arm"] == arm).any():
            msg = f"no rating is of arm {arm}; arms are {', '.join(sorted(map(str, rows['arm'].unique())))}"
            raise ConfigError(msg)
    rows = rows[rows["arm"].isin([first, second])]
    numbers(rows, "rating")
    return rows


def split_arms(
    frame: pd.DataFrame, first: str, second: str
) -> tuple[pd.DataFrame, NDArray[np.float64], NDArray[np.bool_]]:
    """Return the rows of both arms, their N ratings, and which belong to the first; see ``two_arms``."""
    rows = two_arms(frame, first, second)
    return rows, rows["rating"].to_numpy(dtype=float), (rows["arm"] == first).to_numpy()


def _arm_mean(rows: pd.DataFrame, arm: str) -> float:
    return float(rows.loc[rows["arm"] == arm, "rating"].mean())
