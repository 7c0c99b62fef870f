"""Tiles to pixels: level-0 floats, rounded once, half-open; overlapping tiles averaged, no tile = NaN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SEAM_PX = 1.0
"""Level-0 px: stored corners are whole numbers, so a tile's right edge may miss its neighbour by less than this."""


@dataclass(frozen=True)
class Placement:
    """Pixel extents of N tiles in a raster: rows ``top:bottom`` and columns ``left:right``, half-open, int64 (N,)."""

    left: NDArray[np.int64]
    top: NDArray[np.int64]
    right: NDArray[np.int64]
    bottom: NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """One pixel per tile step over the whole slide; ``origin`` and ``step`` in level-0 px, ``size`` (width, height)."""

    origin: tuple[float, float]
    step: float
    size: tuple[int, int]


def place(
    coords: NDArray[np.int32],
    side: float,
    slide_size: tuple[int, int],
    raster_size: tuple[int, int],
) -> Placement:
    """Find each tile's pixels in a raster that shows the whole slide.

    Parameters
    ----------
    coords : (N, 2) level-0 px
        Top-left corners.
    side : float
        Side of a tile in level-0 px.
    slide_size, raster_size : (width, height) in level-0 px and in raster px
        The two axes have their own scale, because a thumbnail's size is itself rounded.
    """
    spans = []
    for axis in (0, 1):
        start = coords[:, axis].astype(np.float64)
        end = _closed_seams(start, start + side)
        spans.append(_pixels(start, end, raster_size[axis] / slide_size[axis], raster_size[axis]))
    (left, right), (top, bottom) = spans
    return Placement(left, top, right, bottom)


def _closed_seams(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move an edge onto the neighbour's start where they differ by the rounding of stored corners alone."""
    starts = np.unique(start)
    after = np.searchsorted(starts, end).clip(0, len(starts) - 1)
    before = (after - 1).clip(0)
    nearest = np.where(np.abs(starts[after] - end) < np.abs(starts[before] - end), starts[after], starts[before])
    return np.where((np.abs(nearest - end) <= _SEAM_PX) & (nearest > start), nearest, end)


def _pixels(
    start: NDArray[np.float64], end: NDArray[np.float64], scale: float, length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    low = np.floor(start * scale + 0.5).astype(np.int64).clip(0, length - 1)
    # A tile smaller than a pixel still shows.
    high = np.maximum(np.floor(end * scale + 0.5).astype(np.int64), low + 1).clip(1, length)
    return low, high


def average(values: NDArray[np.float64], placement: Placement, raster_size: tuple[int, int]) -> NDArray[np.float64]:
    """Mean of all tiles that cover each pixel.

    Parameters
    ----------
    values : (N,) float64
    placement : Placement of N tiles
    raster_size : (width, height)

    Returns
    -------
    (height, width) float64, NaN where no tile lies.
    """
    width, height = raster_size
    total = np.zeros((height, width))
    count = np.zeros((height, width), dtype=np.int32)
    rows = zip(placement.top, placement.bottom, placement.left, placement.right, values, strict=True)
    for top, bottom, left, right, value in rows:
        total[top:bottom, left:right] += value
        count[top:bottom, left:right] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def tile_grid(coords: NDArray[np.int32], step: float, slide_size: tuple[int, int]) -> Grid:
    """Return the grid of one pixel per tile step that covers the slide and starts at its first tile's phase.

    Parameters
    ----------
    coords : (N, 2) level-0 px
    step : float
        Distance of neighbouring tiles in level-0 px (side minus overlap).
    slide_size : (width, height) level-0 px

    Raises
    ------
    ValueError
        If ``step`` is not positive.
    """
    if not step > 0:
        raise ValueError(f"tiles are a positive distance apart, not {step} px")
    first = coords.min(axis=0).astype(np.float64)
    before = np.ceil(np.maximum(first - _SEAM_PX, 0) / step)
    origin = first - before * step
    size = np.ceil((np.asarray(slide_size) - origin - _SEAM_PX) / step).clip(1).astype(int)
    return Grid(origin=(float(origin[0]), float(origin[1])), step=step, size=(int(size[0]), int(size[1])))


def place_on_grid(coords: NDArray[np.int32], side: float, grid: Grid) -> Placement:
    """Find each tile's pixels in ``grid``; a tile without overlap has exactly one."""
    spans = []
    across = max(1, round(side / grid.step))
    for axis in (0, 1):
        low = np.rint((coords[:, axis] - grid.origin[axis]) / grid.step).astype(np.int64)
        low = low.clip(0, grid.size[axis] - 1)
        spans.append((low, np.minimum(low + across, grid.size[axis])))
    (left, right), (top, bottom) = spans
    return Placement(left, top, right, bottom)
