"""Which of several heatmaps or models readers prefer, from pairs shown side by side."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.stats import binomtest, chi2, norm
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM, GLMResults
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

from heatmaps.readers.statistics.columns import having
from heatmaps.readers.statistics.measures import Absent, Interval, Measure, Test
from heatmaps.readers.statistics.resampling import interval_of, resampled
from models.evaluation.estimates import Proportion, proportion
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

COLUMNS = ("reader", "case", "left", "right", "choice")
CHOICES = ("left", "right", "equal", "cannot judge")
_CLUSTERED_RESAMPLES = 500
"""Each of them is a fit of the model; 500 hold the ends of a 95 % interval steady to about a tenth of its width."""

Ties = Literal["excluded", "half"]


@dataclass(frozen=True)
class Preferences:
    """Strengths of the methods compared.

    Attributes
    ----------
    reference
        The method whose strength is 0.
    strengths
        Each other method's log-odds to be preferred to the reference.
    equal
        Likelihood ratio test that all methods are alike. It takes answers as independent.
    left
        Share of decisive answers that chose the left picture, and its exact test against one half: position bias.
    left_test
        Two-sided, exact binomial.
    ties, not_judged
        Answers "equal" and "cannot judge"; the latter never count.
    """

    reference: str
    strengths: tuple[Measure, ...]
    equal: Test
    left: Proportion | Absent
    left_test: Test | Absent
    ties: int
    not_judged: int


def bradley_terry(
    frame: pd.DataFrame, reference: str, ties: Ties, seed: int | None = None, confidence: float = 0.95
) -> Preferences | Absent:
    """Fit the model of Bradley and Terry (Biometrika 1952; 39: 324-345): logit P(i over j) = strength i - strength j.

    A logistic regression without intercept, by statsmodels.

    Parameters
    ----------
    frame
        Columns ``reader``, ``case``, ``left``, ``right`` (methods) and ``choice`` (left, right, equal, cannot judge).
    reference
        Method with strength 0.
    ties
        Answers "equal" are left out, or count half for each side. Half pulls strengths to 0 and counts a tie as one
        whole answer, so it makes intervals of the asymptotic kind somewhat too narrow.
    seed
        With a seed the intervals are percentiles of a bootstrap over readers and cases; without they are asymptotic
        (Wald), which takes all answers as independent: right for one answer per reader and case at most.
    confidence
        Nominal coverage of the Wald intervals.
    """
    rows = _checked(frame)
    methods = sorted(set(rows["left"]) | set(rows["right"]))
    if reference not in methods:
        msg = f"the reference {reference} was never shown; these were: {', '.join(methods)}"
        raise ConfigError(msg)
    methods = [reference, *(m for m in methods if m != reference)]
    used = rows[rows["choice"].isin(["left", "right"] if ties == "excluded" else ["left", "right", "equal"])]
    place = {m: i for i, m in enumerate(methods)}
    left, right = (used[side].map(place).to_numpy(dtype=int) for side in ("left", "right"))
    score = used["choice"].map({"left": 1.0, "right": 0.0, "equal": 0.5}).to_numpy(dtype=float)

    def wins(w: NDArray[np.float64]) -> NDArray[np.float64]:
        table = np.zeros((len(methods), len(methods)))
        np.add.at(table, (left, right), w * score)
        np.add.at(table, (right, left), w * (1.0 - score))
        return table

    table = wins(np.ones(len(used)))
    if not _estimable(table):
        return Absent(
            "strengths are infinite: some methods were never preferred to the others (Ford 1957), "
            "so give the counts of wins instead"
        )
    fitted = _fit(table)
    z = float(norm.ppf(0.5 + confidence / 2.0))
    readers, cases = used["reader"].nunique(), used["case"].nunique()
    intervals: list[Interval | Absent] = [
        Interval(float(v - z * e), float(v + z * e), f"Wald, answers taken as independent, {confidence:.0%}")
        for v, e in zip(fitted.params, fitted.bse, strict=True)
    ]
    if seed is not None:
        intervals = _clustered(wins, used, len(methods) - 1, seed)
    strengths = tuple(
        Measure(f"log-odds, {m} over {reference}", float(v), interval, cases, readers, f"ties {ties}")
        for m, v, interval in zip(methods[1:], fitted.params, intervals, strict=True)
    )
    statistic = float(_deviance_alike(table) - fitted.deviance)
    df = len(methods) - 1
    equal = Test("likelihood ratio, chi-squared", statistic, (df,), float(chi2.sf(statistic, df)))
    decisive = rows[rows["choice"].isin(["left", "right"])]
    on_left = int((decisive["choice"] == "left").sum())
    left_test: Test | Absent = Absent("no answer was decisive")
    if len(decisive):
        left_test = Test("exact binomial", None, (), float(binomtest(on_left, len(decisive)).pvalue))
    left_share = proportion(on_left, len(decisive), "decisive answer")
    counts = rows["choice"].value_counts()
    tied, unjudged = int(counts.get("equal", 0)), int(counts.get("cannot judge", 0))
    return Preferences(reference, strengths, equal, left_share, left_test, tied, unjudged)


def _checked(frame: pd.DataFrame) -> pd.DataFrame:
    rows = having(frame, COLUMNS)
    strange = rows.loc[~rows["choice"].isin(CHOICES), "choice"]
    if len(strange):
        msg = f"row {strange.index[0]} has the choice {strange.iloc[0]!r}; choices are {', '.join(CHOICES)}"
        raise ConfigError(msg)
    if (rows["left"] == rows["right"]).any():
        msg = f"row {rows.index[rows['left'] == rows['right']][0]} shows the same method on both sides"
        raise ConfigError(msg)
    return rows


def _estimable(table: NDArray[np.float64]) -> bool:
    """Tell whether no group of methods won all against the rest (Ford, Am Math Monthly 1957; 64: 28-33)."""
    return bool(connected_components(table > 0, connection="strong")[0] == 1)


def _fit(table: NDArray[np.float64]) -> GLMResults:
    m = len(table)
    pairs = [(i, j) for i, j in combinations(range(m), 2) if table[i, j] + table[j, i] > 0]
    design = np.zeros((len(pairs), m))
    for row, (i, j) in enumerate(pairs):
        design[row, i], design[row, j] = 1.0, -1.0
    counts = np.array([(table[i, j], table[j, i]) for i, j in pairs])
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        # ``_estimable`` has made sure that the strengths are finite; a close fit is no sign of the contrary. Without
        # residual degrees of freedom Pearson's scale is 0 / 0, but a binomial model has none.
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        return GLM(counts, design[:, 1:], family=Binomial()).fit()


def _deviance_alike(table: NDArray[np.float64]) -> float:
    """Return the deviance of the model in which every preference is a toss of a coin."""
    m = len(table)
    total = 0.0
    for i, j in combinations(range(m), 2):
        a, b = table[i, j], table[j, i]
        total += 2.0 * sum(x * np.log(2.0 * x / (a + b)) for x in (a, b) if x > 0)
    return total


def _clustered(
    wins: Callable[[NDArray[np.float64]], NDArray[np.float64]], used: pd.DataFrame, strengths: int, seed: int
) -> list[Interval | Absent]:
    """Return percentiles of refitted strengths, all from the same resamples of readers and cases."""
    kept: list[NDArray[np.float64]] = []

    def refit(w: NDArray[np.float64]) -> float:
        table = wins(w)
        kept.append(np.asarray(_fit(table).params) if _estimable(table) else np.full(strengths, np.nan))
        return 0.0

    made = resampled(refit, {"readers": used["reader"], "cases": used["case"]}, seed, _CLUSTERED_RESAMPLES)
    if isinstance(made, Absent):
        return [made] * strengths
    return [interval_of(np.array(kept)[:, k], "readers and cases", seed) for k in range(strengths)]
