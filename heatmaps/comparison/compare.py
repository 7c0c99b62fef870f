"""Two heatmaps of one slide, in numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmaps.comparison.places import Places, common_places
from heatmaps.evaluation.stability import highest, overlap, rank_correlation
from heatmaps.methods.base import chosen_targets, refuse_unsupported
from models.predict import check_kind
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from heatmaps.methods import Method
    from heatmaps.methods.relevance import Relevance
    from models.feature_kind import FeatureKind
    from models.model_file import Model
    from pipelines.features import Features
    from pipelines.slides import Slide


@dataclass(frozen=True)
class Side:
    """One of the two: its name, the model, the slide's features and their kind."""

    name: str
    model: Model
    features: Features
    kind: FeatureKind


@dataclass(frozen=True)
class Compared:
    """One target.

    Attributes
    ----------
    first, second : Relevance
        Of all tiles of each side.
    values : (M,) and (M,) float64
        At the places.
    pearson, spearman : float
        NaN where one side is the same everywhere.
    top_overlap : float
        Jaccard index of the two sets of the highest 1 % of the places, at least one.
    """

    first: Relevance
    second: Relevance
    values: tuple[NDArray[np.float64], NDArray[np.float64]]
    pearson: float
    spearman: float
    top_overlap: float


@dataclass(frozen=True)
class Comparison:
    """Both sides, the method, the places and each target."""

    sides: tuple[Side, Side]
    method: Method
    places: Places
    targets: tuple[Compared, ...]


def compare(
    first: Side,
    second: Side,
    method: Method,
    targets: Sequence[str] = (),
    slides: tuple[Slide, Slide] | None = None,
) -> Comparison:
    """Explain both sides with one method and compare them place by place.

    Parameters
    ----------
    first, second : Side
    method : Method
    targets : sequence of str
        Those that both models have, if empty.
    slides : (Slide, Slide), optional
        Both scans, open: their pictures tell how far they lie apart.

    Raises
    ------
    InputError
        If a model does not know a target, the method does not support it, features are not of the model's kind, or the
        two lie in different places.
    ConfigError
        If the two models have no target in common, or name its positive class differently.
    """
    for side in (first, second):
        refuse_unsupported(method, side.model)
        check_kind(side.model.spec, side.kind)
        if len(side.features.coords) == 0:
            msg = (
                f"{side.name}: the features of {side.features.slide_id} hold no tiles; look at the slide's tissue mask"
            )
            raise InputError(msg)
    names = _names(first, second, targets)
    places = common_places(first.features, second.features, slides)
    pairs = zip(
        method.explain(first.model, first.features, names),
        method.explain(second.model, second.features, names),
        strict=True,
    )
    return Comparison((first, second), method, places, tuple(_compared(places, one, other) for one, other in pairs))


def _names(first: Side, second: Side, targets: Sequence[str]) -> list[str]:
    there = {target.name: target for target in second.model.spec.targets}
    names = list(targets) or [target.name for target in first.model.spec.targets if target.name in there]
    if not names:
        listed = [", ".join(target.name for target in side.model.spec.targets) for side in (first, second)]
        msg = f"{first.name} has the targets {listed[0]} and {second.name} has {listed[1]}; none is common"
        raise ConfigError(msg)
    for (_, one), (_, other) in zip(
        chosen_targets(first.model, names), chosen_targets(second.model, names), strict=True
    ):
        if one.positive != other.positive:
            msg = (
                f"the positive class of {one.name} is {one.positive} in {first.name} and {other.positive} in "
                f"{second.name}; compare models that were trained with the same --positive"
            )
            raise ConfigError(msg)
    return names


def _compared(places: Places, first: Relevance, second: Relevance) -> Compared:
    one, other = places.of_first(first.values), places.of_second(second.values)
    rho = rank_correlation(one, other)
    pearson = math.nan if math.isnan(rho) else float(np.corrcoef(one, other)[0, 1])
    return Compared(first, second, (one, other), pearson, rho, overlap(highest(one), highest(other)))
