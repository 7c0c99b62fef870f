"""Obuchowski and Rockette's analysis of multi-reader multi-case studies, with Hillis' degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import chi2, norm
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from heatmaps.readers.statistics.components import Components, components, mean
from heatmaps.readers.statistics.measures import Absent, Interval, Measure, Test

if TYPE_CHECKING:
    from heatmaps.readers.statistics.crossed import Crossed, Figures

Generalise = Literal["readers and cases", "cases", "readers"]


@dataclass(frozen=True)
class Mrmc:
    """An MRMC analysis.

    Attributes
    ----------
    figure
        Figure of merit and its covariances.
    generalise
        To whom the result is generalised: readers and cases, cases (these readers only), or readers (these cases only).
    components
        Variance components.
    test
        Of equal modalities, or why there is none.
    modalities
        Each modality's reader-averaged figure, in the study's order.
    differences
        Each pair of modalities, first minus second; not corrected for their number.
    """

    figure: str
    generalise: Generalise
    components: Components
    test: Test | Absent
    modalities: tuple[Measure, ...]
    differences: tuple[Measure, ...]


def obuchowski_rockette(
    study: Crossed, figures: Figures, generalise: Generalise = "readers and cases", confidence: float = 0.95
) -> Mrmc | Absent:
    """Compare modalities by the readers' average figure in a fully crossed study.

    Obuchowski and Rockette (Communications in Statistics - Simulation and Computation 1995; 24: 285-308) with the
    degrees of freedom of Hillis (Stat Med 2007; 26: 596-619). T modalities, R readers:

    - readers and cases: F = MS(T) / [MS(TR) + R max(cov2 - cov3, 0)], T - 1 and ddf degrees of freedom,
      ddf = [MS(TR) + R max(cov2 - cov3, 0)]^2 / (MS(TR)^2 / ((T - 1)(R - 1))); intervals from t with ddf;
    - cases: chi-squared = (T - 1) MS(T) / [var - cov1 + (R - 1) max(cov2 - cov3, 0)], T - 1 degrees of freedom;
      intervals from the normal distribution; says nothing about other readers;
    - readers: F = MS(T) / MS(TR), T - 1 and (T - 1)(R - 1) degrees of freedom; says nothing about other cases.

    A modality's own interval uses its own readers' mean square and covariance. Figures are taken as normal over readers
    and, with many cases, over cases, with equal variances and covariances between modalities.
    """
    t, r = figures.values.shape
    if r < 2 and generalise != "cases":
        return Absent("one reader can't speak for others: generalise to cases only, or add readers")
    made = components(figures)
    pair_error, df, test = _error_of_difference(made, t, r, generalise)
    means = figures.values.mean(axis=1)
    items = study.scores.shape[2]
    modalities = tuple(
        _measured(f"{figures.name}: {name}", float(means[i]), *_own_error(figures, i, generalise), items, r, confidence)
        for i, name in enumerate(study.modalities)
    )
    differences = tuple(
        _measured(
            f"{figures.name}: {study.modalities[i]} minus {study.modalities[j]}",
            float(means[i] - means[j]),
            pair_error,
            df,
            items,
            r,
            confidence,
        )
        for i, j in combinations(range(t), 2)
    )
    return Mrmc(figures.name, generalise, made, test, modalities, differences)


def by_reader(study: Crossed, figures: Figures, confidence: float = 0.95) -> tuple[Measure, ...]:
    """Return each reader's own differences between modalities, from the normal distribution.

    The variance is the reader's own. For these readers and other cases; not corrected for their number.
    """
    t, r = figures.values.shape
    found = []
    for j, (a, b) in ((j, pair) for j in range(r) for pair in combinations(range(t), 2)):
        own = figures.covariance[:, j, :, j]
        error = max(float(own[a, a] + own[b, b] - 2.0 * own[a, b]), 0.0) ** 0.5
        name = f"{figures.name}: {study.readers[j]}, {study.modalities[a]} minus {study.modalities[b]}"
        value = float(figures.values[a, j] - figures.values[b, j])
        found.append(_measured(name, value, error, np.inf, study.scores.shape[2], 1, confidence))
    return tuple(found)


def _error_of_difference(c: Components, t: int, r: int, generalise: Generalise) -> tuple[float, float, Test | Absent]:
    """Return the standard error and degrees of freedom of a difference of two modalities, and the test of all."""
    none = Absent("a comparison needs two modalities")
    shared = max(c.cov2 - c.cov3, 0.0)
    if t < 2:
        return 0.0, np.inf, none
    if generalise == "cases":
        error = c.variance - c.cov1 + (r - 1) * shared
        if error <= 1e-15:
            return 0.0, np.inf, Absent("the covariances leave no variance to compare with")
        statistic = (t - 1) * c.ms_modality / error
        p = float(chi2.sf(statistic, t - 1))
        test = Test("Obuchowski-Rockette, fixed readers, chi-squared", statistic, (t - 1,), p)
        return (2.0 * error / r) ** 0.5, np.inf, test
    error = c.ms_both + (r * shared if generalise == "readers and cases" else 0.0)
    if c.ms_both <= 1e-15:
        return 0.0, np.inf, Absent("every reader has the same difference, so readers' variance is 0")
    ddf = error**2 * (t - 1) * (r - 1) / c.ms_both**2
    statistic = c.ms_modality / error
    name = f"Obuchowski-Rockette, random {generalise}, F with Hillis' degrees of freedom"
    p = float(f_distribution.sf(statistic, t - 1, ddf))
    return (2.0 * error / r) ** 0.5, ddf, Test(name, statistic, (t - 1, ddf), p)


def _own_error(figures: Figures, i: int, generalise: Generalise) -> tuple[float, float]:
    """Return the standard error and degrees of freedom of one modality's mean, from its own readers."""
    r = figures.values.shape[1]
    own = figures.covariance[i, :, i, :]
    cov2 = max(mean(own[~np.eye(r, dtype=bool)]), 0.0)
    if generalise == "cases":
        return ((float(np.diag(own).mean()) + (r - 1) * cov2) / r) ** 0.5, np.inf
    ms = float(figures.values[i].var(ddof=1))
    error = ms + (r * cov2 if generalise == "readers and cases" else 0.0)
    return (error / r) ** 0.5, (r - 1) * error**2 / ms**2 if ms > 1e-15 else np.inf


def _measured(name: str, value: float, error: float, df: float, items: int, readers: int, confidence: float) -> Measure:
    if error <= 1e-12:
        why = Absent("the estimated standard error is 0, so an interval would claim certainty")
        return Measure(name, value, why, items, readers)
    tail = 0.5 + confidence / 2.0
    half = error * float(norm.ppf(tail) if np.isinf(df) else t_distribution.ppf(tail, df))
    how = "normal" if np.isinf(df) else f"t, {df:.2f} degrees of freedom"
    return Measure(name, value, Interval(value - half, value + half, f"{how}, {confidence:.0%}"), items, readers)
