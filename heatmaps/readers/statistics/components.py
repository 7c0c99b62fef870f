"""Mean squares, covariances and variance components of a table of figures of merit, modalities by readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heatmaps.readers.statistics.crossed import Figures


@dataclass(frozen=True)
class Components:
    """What the tests are made of.

    Attributes
    ----------
    ms_modality, ms_reader, ms_both
        Mean squares of the modality-by-reader table of figures.
    variance
        Mean over-case variance of one figure.
    cov1, cov2, cov3
        Mean covariances: same reader and other modality; other reader and same modality; both other.
    var_reader, var_both
        Variance of readers and of their interaction with modalities, as the moments give them: may be negative.
    """

    ms_modality: float
    ms_reader: float
    ms_both: float
    variance: float
    cov1: float
    cov2: float
    cov3: float
    var_reader: float
    var_both: float


def components(figures: Figures) -> Components:
    """Return mean squares, averaged covariances and variance components of a modality-by-reader table."""
    values, (t, r) = figures.values, figures.values.shape
    grand, by_modality, reader_means = values.mean(), values.mean(axis=1), values.mean(axis=0)
    ms_t = r * ((by_modality - grand) ** 2).sum() / (t - 1) if t > 1 else 0.0
    ms_r = t * ((reader_means - grand) ** 2).sum() / (r - 1) if r > 1 else 0.0
    rest = values - by_modality[:, None] - reader_means + grand
    ms_tr = (rest**2).sum() / ((t - 1) * (r - 1)) if t > 1 and r > 1 else 0.0
    same_t = np.eye(t, dtype=bool)[:, None, :, None] & np.ones((t, r, t, r), bool)
    same_r = np.eye(r, dtype=bool)[None, :, None, :] & np.ones((t, r, t, r), bool)
    variance, cov1, cov2, cov3 = (
        mean(figures.covariance[where])
        for where in (same_t & same_r, ~same_t & same_r, same_t & ~same_r, ~same_t & ~same_r)
    )
    return Components(
        ms_modality=float(ms_t),
        ms_reader=float(ms_r),
        ms_both=float(ms_tr),
        variance=variance,
        cov1=cov1,
        cov2=cov2,
        cov3=cov3,
        var_reader=float((ms_r - ms_tr) / t - cov1 + cov3),
        var_both=float(ms_tr - variance + cov1 + max(cov2 - cov3, 0.0)),
    )


def mean(values: NDArray[np.float64]) -> float:
    """Return the mean, 0 of nothing: one reader or one modality has no covariance with another."""
    return float(values.mean()) if values.size else 0.0
