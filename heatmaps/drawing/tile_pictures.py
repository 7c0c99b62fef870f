"""The picture of one tile with the tissue around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.slides import UnreadableRegion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from heatmaps.slide.absent_slide import AnySlide

PICTURE_PX = 320
"""Side of a tile's picture with its neighbourhood."""
_SURROUNDINGS = 0.5
"""Tile sides shown on each side of the tile."""


def field_px(slide: AnySlide, side: float) -> float:
    """Level-0 px that a picture of a tile spans."""
    return min(side * (1 + 2 * _SURROUNDINGS), *slide.size)


def tile_picture(slide: AnySlide, x: float, y: float, side: float) -> NDArray[np.uint8] | None:
    """Read a tile and half a tile around it, the tile framed; (320, 320, 3) uint8.

    At the slide's edge the view is moved inwards. None if the slide can't be read there: the report says so.

    Parameters
    ----------
    slide : Slide or AbsentSlide
    x, y, side : float
        The tile in level-0 px.
    """
    field = field_px(slide, side)
    left = min(max(x - side * _SURROUNDINGS, 0), slide.size[0] - field)
    top = min(max(y - side * _SURROUNDINGS, 0), slide.size[1] - field)
    try:
        picture = np.array(slide.read_region(left, top, field, field, (PICTURE_PX, PICTURE_PX)))
    except UnreadableRegion:
        return None
    scale = PICTURE_PX / field
    return _framed(picture, (x - left) * scale, (y - top) * scale, side * scale)


def _framed(picture: NDArray[np.uint8], x: float, y: float, side: float) -> NDArray[np.uint8]:
    """Draw a white line around a black one: visible on any tissue."""
    left, top = max(round(x), 0), max(round(y), 0)
    right, bottom = min(round(x + side), PICTURE_PX), min(round(y + side), PICTURE_PX)
    for inset, width, grey in ((0, 2, 255), (2, 2, 0)):
        a, b, c, d = left + inset, top + inset, right - inset, bottom - inset
        picture[b : b + width, a:c] = grey
        picture[d - width : d, a:c] = grey
        picture[b:d, a : a + width] = grey
        picture[b:d, c - width : c] = grey
    return picture


def bare_tile(slide: AnySlide, x: float, y: float, side: float, px: int) -> NDArray[np.uint8] | None:
    """Read a tile as the model saw it, (px, px, 3) uint8; None if the slide can't be read there.

    Parameters
    ----------
    slide : Slide or AbsentSlide
    x, y, side : float
        The tile in level-0 px.
    px : int
        Side in px at which the encoder read it.
    """
    try:
        return np.array(slide.read_region(x, y, side, side, (px, px)))
    except UnreadableRegion:
        return None
