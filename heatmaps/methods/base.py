"""What every explanation method is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from heatmaps.methods.relevance import TileRelevance
from models.aggregators import AGGREGATORS
from models.predict import predict_bag
from models.training import one_thread
from pipelines.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from heatmaps.methods.relevance import Relevance
    from models.aggregators import Aggregator
    from models.model_file import Model
    from models.targets import Target
    from pipelines.features import Features


class Method(ABC):
    """A way to say how relevant each tile was.

    Attributes
    ----------
    name : str
        What ``--method`` calls it.
    title : str
        What figures, sidecar and report call it.
    unit : str
        Unit of a tile's number.
    scale : str
        What the colour scale spans, in words.
    signed : bool
        Whether a number below 0 means that the tile speaks against the positive class.
    directed : bool
        Whether a higher number means more towards the positive class, with or without a sign.
    exact : bool
        Whether tiles and a starting point sum to the slide's log-odds without an error of the method's own.
    fixed_clip : float, optional
        End of the colour scale where the unit has one by itself.
    adds_up_to : str
        What the numbers of all tiles sum to, in words; empty where their sum means nothing.
    column : str
        Start of the score table's columns; the name where empty.
    shows, misleads : str
        What it shows and when it misleads, one sentence each.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str]
    scale: ClassVar[str] = "diverging, zero in the middle"
    signed: ClassVar[bool] = True
    directed: ClassVar[bool] = True
    exact: ClassVar[bool] = False
    fixed_clip: ClassVar[float | None] = None
    adds_up_to: ClassVar[str] = ""
    column: ClassVar[str] = ""
    shows: ClassVar[str]
    misleads: ClassVar[str]

    @classmethod
    @abstractmethod
    def supports(cls, aggregator: type[Aggregator]) -> bool:
        """Return whether it can explain models with this aggregator."""

    @abstractmethod
    def explain(self, model: Model, features: Features, targets: Sequence[str] = ()) -> Sequence[Relevance]:
        """Return one relevance per target, in the order asked; all of the model's targets if none is named.

        Raises
        ------
        InputError
            If the model does not know a target, or the method does not support its aggregator.
        """

    def parameters(self) -> dict[str, Any]:
        """Return the settings that the numbers follow from, as JSON values; they are part of the cache key."""
        return {}

    @classmethod
    def aggregators(cls) -> tuple[str, ...]:
        """Names of the aggregators that it supports."""
        return tuple(name for name, made in AGGREGATORS.items() if cls.supports(made))


class PerTarget(Method):
    """A method that computes an array of (T, N) numbers for all targets of the model at once.

    Numbers are computed in float64 on one thread, so that a repeat gives the same bytes.
    """

    @abstractmethod
    def numbers(
        self, network: Aggregator, tiles: torch.Tensor, coords: NDArray[np.float64], wanted: Sequence[int]
    ) -> tuple[NDArray[np.float64], list[dict[str, Any]]]:
        """Return (len(wanted), N) numbers and, for each wanted target, details for the sidecar.

        Parameters
        ----------
        network : Aggregator
            In float64.
        tiles : (N, D) float64
        coords : (N, 2) float64
            Top-left corners in steps of the tile grid.
        wanted : sequence of int
            Indices of the targets asked for.
        """

    def explain(self, model: Model, features: Features, targets: Sequence[str] = ()) -> list[TileRelevance]:
        """Return one relevance per target; see ``Method.explain``."""
        refuse_unsupported(self, model)
        chosen = chosen_targets(model, targets)
        probabilities = predict_bag(model, features.features)
        network = model.network().double()
        tiles = torch.from_numpy(features.features.astype(np.float64))
        with one_thread():
            values, details = self.numbers(network, tiles, steps_of(features), [index for index, _ in chosen])
            with torch.inference_mode():
                logits = network.forward_bags(tiles, [len(tiles)])[0]
        return [
            TileRelevance(
                target=target.name,
                positive=target.positive,
                values=values[row],
                logit=float(logits[index]),
                probability=float(probabilities[target.name]),
                column=self.column or self.name,
                unit=self.unit,
                details=details[row],
            )
            for row, (index, target) in enumerate(chosen)
        ]


def chosen_targets(model: Model, targets: Sequence[str]) -> list[tuple[int, Target]]:
    """Return index and target of each name, once; all of the model's if none is named."""
    names = targets or [target.name for target in model.spec.targets]
    return [model.spec.target(name) for name in dict.fromkeys(names)]


def refuse_unsupported(method: Method, model: Model) -> None:
    """Raise ``InputError``, naming the methods that do work, unless ``method`` supports the model's aggregator."""
    from heatmaps.methods import methods_for

    if model.spec.aggregator in method.aggregators():
        return
    able = ", ".join(methods_for(model.spec.aggregator))
    msg = (
        f"the method {method.name!r} ({method.title}) cannot explain a model with aggregator "
        f"{model.spec.aggregator!r}; for this model choose --method {able}"
    )
    raise InputError(msg)


def steps_of(features: Features) -> NDArray[np.float64]:
    """Return each tile's top-left corner in steps of the tile grid, (N, 2); zeros where tiles have no geometry."""
    attrs = features.attrs
    if len(features.coords) != len(features.features) or not {"tile_px", "overlap_px"} <= attrs.keys():
        return np.zeros((len(features.features), 2))
    step = features.tile_px_level0 * (attrs["tile_px"] - attrs["overlap_px"]) / attrs["tile_px"]
    return features.coords / step
