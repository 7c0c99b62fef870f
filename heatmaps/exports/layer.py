"""The colours alone, as a picture that covers the whole slide and is transparent where no tile lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from heatmaps.drawing import raster, render

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heatmaps.slide.explained import ExplainedSlide

TILE_PX = 16
"""Side of a tile in the largest layer: enough for sharp edges, as there is one number per tile."""
LONGEST_SIDE_PX = 4096
_BAND = 256


def layer_size(explained: ExplainedSlide) -> tuple[int, int]:
    """Return (width, height) of the layer in px; its sides have the ratio of the slide's."""
    width, height = explained.features.slide_size
    scale = min(TILE_PX / explained.features.tile_px_level0, LONGEST_SIDE_PX / max(width, height), 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def layer(explained: ExplainedSlide, index: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw a target's colours from its numbers, RGBA (height, width, 4); overlapping tiles are averaged first."""
    tiles = explained.features
    placement = raster.place(tiles.coords, tiles.tile_px_level0, tiles.slide_size, size)
    values = raster.average(explained.scores[index].values, placement, size)
    clip, signed = explained.scales[index].clip, explained.method.signed
    # In bands: colours are computed in float64, eight times the size of the result.
    bands = [render.tint(values[top : top + _BAND], clip, signed) for top in range(0, len(values), _BAND)]
    return np.concatenate(bands)
