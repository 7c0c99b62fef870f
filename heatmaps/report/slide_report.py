"""The report of an explained slide: picks the tiles, reads their pictures and writes the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmaps.drawing.colours import Scale, symmetric_scale, upward_scale
from heatmaps.methods import METHODS
from heatmaps.methods.attribution import Scores
from heatmaps.report.page import report_html
from heatmaps.report.view import LayerView, ReportInput, TargetView
from heatmaps.report.words import Words
from heatmaps.slide.absent_slide import AbsentSlide
from heatmaps.slide.shown_tiles import apart_px
from heatmaps.viewer.document import TileField

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from heatmaps.methods import Method
    from heatmaps.methods.relevance import Relevance
    from heatmaps.report.evaluated import Evaluated
    from heatmaps.slide.explained import ExplainedSlide
    from heatmaps.slide.shown_tiles import ShownTile

OVERVIEW_PX = 2048
"""Longest side of the picture in the reports that ``heatmap`` writes."""


@dataclass(frozen=True)
class Wishes:
    """What a report may show apart from the slide's heatmap.

    Attributes
    ----------
    language : str
    name : str, optional
        What the page calls the slide; its id where None.
    overview_px : int
        Longest side of the viewer's picture.
    more : sequence of (Method, sequence of Relevance)
        Further methods of the same targets for the viewer.
    evaluated : sequence of Evaluated
    """

    language: str = "en"
    name: str | None = None
    overview_px: int = OVERVIEW_PX
    more: Sequence[tuple[Method, Sequence[Relevance]]] = ()
    evaluated: Sequence[Evaluated] = ()


def slide_report(
    explained: ExplainedSlide,
    facts: dict[str, Any],
    ground: NDArray[np.uint8],
    pictures: Sequence[NDArray[np.float64]],
    shown: Sequence[Sequence[ShownTile]],
    wishes: Wishes | None = None,
) -> str:
    """Return the report as HTML text.

    Parameters
    ----------
    explained : ExplainedSlide
    facts : dict
        Of the sidecar.
    ground : (H, W, 3) uint8
        The thumbnail as the colours' ground.
    pictures : sequence of (H, W) float64
        Each target's relevance on the thumbnail.
    shown : sequence of sequence of ShownTile
        Each target's tiles.
    wishes : Wishes, optional
    """
    wishes = wishes or Wishes()
    targets = []
    for one, scale, values, cards in zip(explained.scores, explained.scales, pictures, shown, strict=True):
        best, worst = ([card for card in cards if card.name[0] in letters] for letters in ("FT", "A"))
        targets.append(TargetView(one, scale, values, best, worst))
    slide = explained.slide
    finest = slide.mpp * max(1.0, max(slide.size) / wishes.overview_px)
    return report_html(
        ReportInput(
            words=Words(wishes.language),
            name=slide.id if wishes.name is None else wishes.name,
            method=explained.method,
            facts=facts,
            spec=explained.model.spec,
            thumbnail=explained.thumbnail,
            ground=ground,
            overview=slide.thumbnail(finest),
            absent=isinstance(slide, AbsentSlide),
            placement=explained.placement,
            coords_um=explained.features.coords.astype(np.float64) * slide.mpp,
            bar=explained.bar,
            apart_um=apart_px(explained) * slide.mpp,
            targets=targets,
            field=_field(explained),
            layers=_layers(explained, wishes.more),
            evaluated=wishes.evaluated,
        )
    )


def _field(explained: ExplainedSlide) -> TileField:
    grid, features = explained.grid, explained.features
    return TileField(
        corners=features.coords.astype(np.float64),
        side=float(features.tile_px_level0),
        step=grid.step,
        origin=grid.origin,
        slide_size=(int(features.slide_size[0]), int(features.slide_size[1])),
        mpp=explained.slide.mpp,
    )


def _layers(explained: ExplainedSlide, more: Sequence[tuple[Method, Sequence[Relevance]]]) -> list[LayerView]:
    layers = [
        LayerView(index, explained.method, scale, one.values)
        for index, (one, scale) in enumerate(zip(explained.scores, explained.scales, strict=True))
    ]
    named = {explained.method.name} | {method.name for method, _ in more}
    for index, one in enumerate(explained.scores):
        # Exact shares come with the attention that they are made of.
        if isinstance(one, Scores) and "attention" not in named:
            attention = METHODS["attention"]()
            if explained.model.spec.aggregator in attention.aggregators():
                values = one.attention_x_uniform
                layers.append(LayerView(index, attention, scale_of(attention, values), values))
    for method, scores in more:
        layers += [LayerView(i, method, scale_of(method, one.values), one.values) for i, one in enumerate(scores)]
    return layers


def scale_of(method: Method, values: NDArray[np.float64]) -> Scale:
    """Return the scale that a method's numbers have by themselves."""
    return symmetric_scale(values) if method.signed else upward_scale(values, fixed=method.fixed_clip)
