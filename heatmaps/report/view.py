"""What a slide's report shows, as the page's parts take it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from heatmaps.drawing.colours import Scale
    from heatmaps.drawing.raster import Placement
    from heatmaps.drawing.scalebar import ScaleBar
    from heatmaps.methods import Method
    from heatmaps.methods.relevance import Relevance
    from heatmaps.report.evaluated import Evaluated
    from heatmaps.report.words import Words
    from heatmaps.slide.shown_tiles import ShownTile
    from heatmaps.viewer.document import TileField
    from models.model_file import ModelSpec


@dataclass(frozen=True)
class TargetView:
    """One target's part of the report.

    Attributes
    ----------
    scores : Relevance
    scale : Scale
    values : (H, W) float64
        Relevance on the thumbnail, NaN where no tile lies.
    best, worst : sequence of ShownTile
        Strongest for and against; without a sign the highest, and none.
    """

    scores: Relevance
    scale: Scale
    values: NDArray[np.float64]
    best: Sequence[ShownTile]
    worst: Sequence[ShownTile]


@dataclass(frozen=True)
class LayerView:
    """One method's numbers (N,) for the target of this index, for the viewer."""

    target: int
    method: Method
    scale: Scale
    values: NDArray[np.float64]


@dataclass(frozen=True)
class ReportInput:
    """Everything that a report shows.

    Attributes
    ----------
    words : Words
    name : str
        What the page calls the slide: its id, or a short name that tells nobody whose it is.
    method : Method
        Of the figures and the tiles.
    facts : dict
        The sidecar's values.
    spec : ModelSpec
    thumbnail, ground : (H, W, 3) uint8
        The slide, and the same as the colours' ground, for print.
    overview : (H, W, 3) uint8
        The slide as the viewer shows it.
    absent : bool
        Whether the slide was not at hand.
    placement : Placement
        Tiles on the thumbnail.
    coords_um : (N, 2) float64
    bar : ScaleBar
    apart_um : float
        Least distance of two shown tiles.
    targets : sequence of TargetView
    field : TileField
    layers : sequence of LayerView
    evaluated : sequence of Evaluated
        One per target, or none.
    """

    words: Words
    name: str
    method: Method
    facts: dict[str, Any]
    spec: ModelSpec
    thumbnail: NDArray[np.uint8]
    ground: NDArray[np.uint8]
    overview: NDArray[np.uint8]
    absent: bool
    placement: Placement
    coords_um: NDArray[np.float64]
    bar: ScaleBar
    apart_um: float
    targets: Sequence[TargetView]
    field: TileField
    layers: Sequence[LayerView]
    evaluated: Sequence[Evaluated] = ()
