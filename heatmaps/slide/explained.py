"""One slide with its scores, laid out for drawing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from heatmaps.drawing import raster
from heatmaps.drawing.colours import Scale, symmetric_scale, upward_scale
from heatmaps.drawing.scalebar import ScaleBar, scale_bar
from heatmaps.slide.key import heatmap_key

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from heatmaps.methods import Method
    from heatmaps.methods.relevance import Relevance
    from heatmaps.slide.absent_slide import AnySlide
    from heatmaps.slide.options import Options
    from models.model_file import Model
    from pipelines.features import Features

_LONGEST_SIDE_PX = 1400


def overview_of(slide: AnySlide) -> NDArray[np.uint8]:
    """Return the whole slide, (H, W, 3), its longer side at most about 1400 px."""
    return slide.thumbnail(slide.mpp * max(1.0, max(slide.size) / _LONGEST_SIDE_PX))


@dataclass(frozen=True)
class ExplainedSlide:
    """A slide (open, or absent), model, tiles, one ``Relevance`` per target, and what follows from them.

    ``overview`` is what ``overview_of`` gave, for callers who have read it already.
    """

    slide: AnySlide
    model: Model
    features: Features
    scores: tuple[Relevance, ...]
    options: Options
    overview: NDArray[np.uint8] | None = None

    @cached_property
    def thumbnail(self) -> NDArray[np.uint8]:
        """The whole slide, (H, W, 3), its longer side at most about 1400 px."""
        return overview_of(self.slide) if self.overview is None else self.overview

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the thumbnail in px."""
        return self.thumbnail.shape[1], self.thumbnail.shape[0]

    @cached_property
    def method(self) -> Method:
        """The method that the scores come from."""
        return self.options.explainer()

    @cached_property
    def scales(self) -> tuple[Scale, ...]:
        """One colour scale per target."""
        found = []
        for one in self.scores:
            clip, rule = self.options.end_for(one.target)
            if self.method.signed:
                found.append(symmetric_scale(one.values, clip, rule))
            else:
                found.append(upward_scale(one.values, clip, self.method.fixed_clip, rule))
        return tuple(found)

    @cached_property
    def placement(self) -> raster.Placement:
        """Pixels of each tile on the thumbnail."""
        tiles = self.features
        return raster.place(tiles.coords, tiles.tile_px_level0, tiles.slide_size, self.size)

    @cached_property
    def grid(self) -> raster.Grid:
        """One pixel per tile step."""
        attrs = self.features.attrs
        step = self.features.tile_px_level0 * (attrs["tile_px"] - attrs["overlap_px"]) / attrs["tile_px"]
        return raster.tile_grid(self.features.coords, step, self.features.slide_size)

    @property
    def bar(self) -> ScaleBar:
        """Scale bar of the thumbnail."""
        return scale_bar(self.slide.mpp * self.slide.size[0] / self.size[0], self.size[0])

    def on_thumbnail(self, scores: Relevance) -> NDArray[np.float64]:
        """Relevance on the thumbnail, (H, W), overlapping tiles averaged, NaN where no tile lies."""
        return raster.average(scores.values, self.placement, self.size)

    def on_grid(self, scores: Relevance) -> NDArray[np.float64]:
        """Relevance with one pixel per tile step."""
        placement = raster.place_on_grid(self.features.coords, self.features.tile_px_level0, self.grid)
        return raster.average(scores.values, placement, self.grid.size)

    @cached_property
    def key(self) -> str:
        """Hash of all that the outputs follow from, the slide's pixels included."""
        targets = [one.target for one in self.scores]
        return heatmap_key(self.slide, self.thumbnail, self.model, self.features, targets, self.options)
