"""Arms of a study against each other on ratings, where the same readers and cases come back in every arm."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import t as t_distribution
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.stats.multitest import multipletests
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from heatmaps.readers.statistics.columns import having, numbers
from heatmaps.readers.statistics.measures import Absent, Interval, Measure, Test
from heatmaps.readers.statistics.resampling import RESAMPLES, interval_of, resampled

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
    other cases. It assumes nothing of the ratings' distribution. With fewer than some five readers or twenty cases
    percentiles are too narrow; then take ``compare_mixed``. The p is twice the smaller share of resamples on either
    side of 0, counting one more.

    Parameters
    ----------
    frame
        Columns ``reader``, ``case`` (of tiles: the patient), ``arm`` and ``rating``; one row per answer.
    first, second
        Arms.
    seed, resamples
        Of the bootstrap.
    """
    rows = _two_arms(frame, first, second)
    rating = rows["rating"].to_numpy(dtype=float)
    in_first = (rows["arm"] == first).to_numpy()

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
    there = values[np.isfinite(values)]
    smaller = min((there <= 0).sum(), (there >= 0).sum())
    p = min(1.0, 2.0 * (smaller + 1) / (len(there) + 1))
    return ArmDifference(first, second, means, measure, Test("bootstrap over readers and cases", None, (), float(p)))


def compare_mixed(
    frame: pd.DataFrame,
    first: str,
    second: str,
    readers: Literal["random", "fixed"] = "random",
    confidence: float = 0.95,
) -> ArmDifference:
    """Compare two arms by a linear mixed model, fitted by statsmodels with REML.

    ``rating ~ arm`` with random intercepts for cases, cases within arms, readers and readers within arms; with
    ``readers="fixed"`` readers are fixed, and the result is about these readers only. t with min(readers, cases) - 1
    degrees of freedom (random; a bound, not Satterthwaite's), or cases - 1 (fixed). Ratings are taken as continuous
    with normal errors; for ratings of 0 and 1 take ``compare_bootstrap``. There is no component for readers within
    cases: where the same tiles are rated in both arms, leaving it out is on the safe side.
    """
    rows = _two_arms(frame, first, second).copy()
    means = tuple(float(rows.loc[rows["arm"] == arm, "rating"].mean()) for arm in (first, second))
    name = f"rating, {first} minus {second}, mixed model with {readers} readers"
    n_readers, n_cases = rows["reader"].nunique(), rows["case"].nunique()
    reason = _unfit(rows, n_readers, n_cases, readers)
    if reason:
        return ArmDifference(first, second, (means[0], means[1]), reason, reason)
    rows["is_first"] = (rows["arm"] == first).astype(float)
    rows["case_arm"] = rows["case"].astype(str) + "\x1f" + rows["arm"].astype(str)
    rows["reader_arm"] = rows["reader"].astype(str) + "\x1f" + rows["arm"].astype(str)
    components = {"case": "0 + C(case)", "case_arm": "0 + C(case_arm)"}
    if readers == "random":
        components |= {"reader": "0 + C(reader)", "reader_arm": "0 + C(reader_arm)"}
    formula = "rating ~ is_first" + (" + C(reader)" if readers == "fixed" else "")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = MixedLM.from_formula(
            formula, groups=np.ones(len(rows)), vc_formula=components, data=rows, use_sparse=True
        )
        fitted = model.fit(reml=True)
    error = float(fitted.bse_fe["is_first"])
    if not fitted.converged or not np.isfinite(error) or error <= 0:
        failed = Absent("the mixed model did not converge on these ratings; take the bootstrap over readers and cases")
        return ArmDifference(first, second, (means[0], means[1]), failed, failed)
    df = (min(n_readers, n_cases) if readers == "random" else n_cases) - 1
    value = float(fitted.fe_params["is_first"])
    half = float(t_distribution.ppf(0.5 + confidence / 2.0, df)) * error
    at_zero = any(issubclass(w.category, ConvergenceWarning) for w in caught)
    note = "a variance component lies at 0" if at_zero else ""
    interval = Interval(value - half, value + half, f"REML, t with {df} degrees of freedom, {confidence:.0%}")
    measure = Measure(name, value, interval, n_cases, n_readers, note)
    p = 2.0 * float(t_distribution.sf(abs(value) / error, df))
    return ArmDifference(first, second, (means[0], means[1]), measure, Test("mixed model, t", value / error, (df,), p))


def compare_all(
    frame: pd.DataFrame, arms: Sequence[str], seed: int, resamples: int = RESAMPLES
) -> tuple[ArmDifference, ...]:
    """Compare each pair of arms by ``compare_bootstrap``, and correct by Holm for the number of pairs tested.

    Holm (Scandinavian Journal of Statistics 1979; 6: 65-70), by statsmodels.
    """
    found = [compare_bootstrap(frame, a, b, seed, resamples) for a, b in combinations(arms, 2)]
    tested = [f.test.p for f in found if isinstance(f.test, Test)]
    corrected = iter(multipletests(tested, method="holm")[1] if tested else ())
    return tuple(f if isinstance(f.test, Absent) else replace(f, p_holm=float(next(corrected))) for f in found)


def _two_arms(frame: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    rows = having(frame, COLUMNS)
    rows = rows[rows["arm"].isin([first, second])]
    numbers(rows, "rating")
    return rows


def _unfit(rows: pd.DataFrame, n_readers: int, n_cases: int, readers: str) -> Absent | None:
    if rows["arm"].nunique() < 2:
        return Absent("one of the two arms has no rating")
    if readers == "random" and n_readers < 3:
        return Absent(f"{n_readers} readers can't speak for others: at least 3 are needed, or take fixed readers")
    if n_cases < 3:
        return Absent(f"a mixed model needs at least 3 cases; there are {n_cases}")
    if rows["rating"].nunique() < 2:
        return Absent("every rating is the same")
    return None
