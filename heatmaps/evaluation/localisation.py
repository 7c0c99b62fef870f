"""Whether the most relevant tiles lie where a person drew the lesion."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from sklearn.metrics import roc_auc_score

from heatmaps.evaluation.stability import highest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Localisation(NamedTuple):
    """How well one slide's relevance finds the annotation; NaN where no tile or every tile lies in it."""

    auroc: float
    """Chance that a tile inside has a higher number than one outside."""
    pointing: float
    """Pointing game: 1 if the tile with the highest number lies inside, else 0."""
    top_percent: float
    """Share of the highest 1 % of the tiles (at least one tile) that lies inside."""


NOWHERE = Localisation(math.nan, math.nan, math.nan)


def localise(relevance: NDArray[np.float64], inside: NDArray[np.bool_]) -> Localisation:
    """Hold a slide's relevance (N,) for the positive class against an annotation (N,); ties go to the earlier tile."""
    if inside.all() or not inside.any():
        return NOWHERE
    best = highest(relevance)
    area = float(roc_auc_score(inside, relevance))
    return Localisation(area, float(inside[best[0]]), float(inside[best].mean()))
