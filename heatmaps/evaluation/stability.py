"""Whether another training of the same kind of model gives the same heatmap."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.stats import spearmanr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from heatmaps.methods import Method
    from models.model_file import Model
    from pipelines.features import Features


class Stability(NamedTuple):
    """Likeness of one slide's heatmap to those of other models, the mean over these; NaN where none has a picture."""

    stability: float
    """Rank correlation (Spearman) over the tiles."""
    top_overlap: float
    """Jaccard index of the two sets of the highest 1 % of the tiles, at least one."""


def stability(
    method: Method, others: Sequence[Model], features: Features, target: str, values: NDArray[np.float64]
) -> Stability:
    """Hold one slide's heatmap (N,) against those of models from other seeds or rounds."""
    pictures = [method.explain(model, features, [target])[0].values for model in others]
    ranks = [rank_correlation(values, picture) for picture in pictures]
    known = [value for value in ranks if not math.isnan(value)]
    overlaps = [overlap(highest(values), highest(picture)) for picture in pictures]
    return Stability(float(np.mean(known)) if known else math.nan, float(np.mean(overlaps)) if overlaps else math.nan)


def rank_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return Spearman's correlation of two heatmaps of a slide; NaN where one is the same everywhere."""
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return math.nan
    return float(spearmanr(one, other).statistic)


def highest(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the highest 1 % of the tiles, at least one, best first; ties go to the earlier tile."""
    return np.argsort(-values, kind="stable")[: max(1, math.ceil(len(values) / 100))]


def overlap(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Return the Jaccard index of two sets of tiles."""
    return len(np.intersect1d(one, other)) / len(np.union1d(one, other))
