"""Seeded bootstrap over one or two crossed factors (items; readers and cases), on weights instead of copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from heatmaps.readers.statistics.measures import Absent, Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
_AT_ONCE = 1000
_UNDEFINED_ALLOWED = 0.05
"""Share of resamples without a value (one class only, say) beyond which percentiles would speak of a selection."""


def resampled(
    statistic: Callable[[NDArray[np.float64]], float],
    factors: Mapping[str, ArrayLike],
    seed: int,
    resamples: int = RESAMPLES,
) -> NDArray[np.float64] | Absent:
    """Return the statistic in each resample, NaN where it is undefined, or why resampling makes no sense.

    The levels of each factor (every patient, every reader) are drawn with replacement, independently of the other
    factor; a row counts as often as the product of its levels' draws. With one factor this is the cluster bootstrap
    (Efron and Tibshirani 1993, chapter 8), with two the pigeonhole bootstrap (Owen, Ann Appl Stat 2007; 1: 386-411),
    which is on the safe side where rows have noise of their own.

    Parameters
    ----------
    statistic
        Of (N,) weights of the rows.
    factors
        Name of a factor -> (N,) level of each row.
    seed
        Of numpy's default generator.
    resamples
        How many.
    """
    rng = np.random.default_rng(seed)
    coded = {name: np.unique(np.asarray(levels), return_inverse=True) for name, levels in factors.items()}
    for name, (levels, _) in coded.items():
        if len(levels) < 2:
            return Absent(f"there are too few {name} for an interval ({len(levels)}; at least 2 are needed)")
    found = np.empty(resamples)
    for i in range(resamples):
        weights: NDArray[np.float64] | float = 1.0
        for levels, index in coded.values():
            draws = rng.multinomial(len(levels), np.full(len(levels), 1.0 / len(levels)))
            weights = weights * draws[index]
        found[i] = statistic(np.asarray(weights, float))
    return found


def resampled_sums(parts: NDArray[np.float64], seed: int, resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """Return sums over cases in each resample of cases, drawn with replacement.

    What depends on sums only (means, their differences) needs no loop over resamples.

    Parameters
    ----------
    parts
        (K, cases) what each case adds to each of K sums.
    seed, resamples
        Of numpy's default generator; how many.

    Returns
    -------
    (K, resamples).
    """
    rng = np.random.default_rng(seed)
    n = parts.shape[1]
    found = []
    for start in range(0, resamples, _AT_ONCE):
        draws = rng.multinomial(n, np.full(n, 1.0 / n), size=min(_AT_ONCE, resamples - start))
        found.append(parts @ draws.T.astype(float))
    return np.concatenate(found, axis=1)


def percentile_interval(
    statistic: Callable[[NDArray[np.float64]], float],
    factors: Mapping[str, ArrayLike],
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
) -> Interval | Absent:
    """Return the percentiles of ``resampled``, or the sentence why they would mislead."""
    values = resampled(statistic, factors, seed, resamples)
    return values if isinstance(values, Absent) else interval_of(values, " and ".join(factors), seed, confidence)


def interval_of(values: NDArray[np.float64], over: str, seed: int, confidence: float = 0.95) -> Interval | Absent:
    """Return the percentile interval (Efron and Tibshirani 1993, chapter 13) of resampled values."""
    defined = values[np.isfinite(values)]
    lost = len(values) - len(defined)
    if lost > _UNDEFINED_ALLOWED * len(values):
        return Absent(f"the value is undefined in {lost} of {len(values)} resamples: too few or too uniform answers")
    if np.ptp(defined) < 1e-12:
        return Absent("every resample gives the same value, so an interval would claim certainty")
    low, high = np.quantile(defined, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0])
    left_out = f", {lost} undefined left out" if lost else ""
    method = f"bootstrap over {over}, {len(values)} resamples{left_out}, seed {seed}, percentiles"
    return Interval(float(low), float(high), method)
