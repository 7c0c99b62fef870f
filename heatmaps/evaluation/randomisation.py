"""Whether a heatmap shows what the model has learnt: with weights that mean nothing it should look different."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from heatmaps.evaluation.stability import rank_correlation
from models.model_file import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from heatmaps.methods import Method
    from pipelines.features import Features


def redrawn(model: Model, seeds: Sequence[int]) -> list[Model]:
    """Return the model with first weights in place of the trained ones, one for each seed."""
    return [Model(model.spec.first_state(seed), model.spec) for seed in seeds]


def likeness(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the absolute rank correlation (Spearman) of two heatmaps of a slide; NaN where one is the same everywhere.

    Absolute, because weights that mean nothing turn a heatmap upside down as often as not, and a heatmap upside down
    still shows the same picture.
    """
    return abs(rank_correlation(one, other))


def randomised_likeness(
    method: Method, models: Sequence[Model], features: Features, target: str, trained: NDArray[np.float64]
) -> float:
    """Return the mean likeness of the trained model's heatmap to those of models that have learnt nothing."""
    found = [likeness(trained, method.explain(model, features, [target])[0].values) for model in models]
    known = [value for value in found if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
