"""Where the tiles lie: an exact grid in micrometres, chosen by the tissue under each tile. Pure geometry."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.errors import ConfigError


@dataclass(frozen=True)
class Grid:
    """The tiles of a slide, row by row.

    Attributes
    ----------
    coords : (N, 2) int32, top-left corners in level-0 px.
    tile_px_level0 : side of a tile in level-0 px, not rounded.
    """

    coords: np.ndarray
    tile_px_level0: float


def make_grid(slide_size: tuple[int, int], mpp: float, requested_mpp: float, tile_px: int, overlap_px: int = 0) -> Grid:
    """Lay tiles of ``tile_px * requested_mpp`` µm over a slide, from its top-left corner.

    Positions are kept as exact numbers and rounded once, so the last tile of a wide slide is as well placed as the
    first (within half a pixel). No tile reaches over the edge; the rest at the right and bottom is less than a step.

    Parameters
    ----------
    slide_size : (width, height) of level 0 in px.
    mpp : µm per level-0 px.
    requested_mpp, tile_px, overlap_px : scale, side and overlap of the tiles, in tile px.

    Raises
    ------
    ConfigError
        If sizes are not positive or the overlap is not smaller than a tile.
    """
    if tile_px < 1 or requested_mpp <= 0 or mpp <= 0:
        msg = f"tile side ({tile_px} px) and mpp ({requested_mpp:g}) must be positive"
        raise ConfigError(msg)
    if not 0 <= overlap_px < tile_px:
        msg = f"the overlap ({overlap_px} px) must be at least 0 and smaller than the tile ({tile_px} px)"
        raise ConfigError(msg)
    side = tile_px * requested_mpp / mpp
    step = (tile_px - overlap_px) * requested_mpp / mpp
    xs, ys = (_positions(length, side, step) for length in slide_size)
    columns, rows = np.meshgrid(xs, ys)
    return Grid(np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.int32), side)


def _positions(length: int, side: float, step: float) -> np.ndarray:
    if side > length:
        return np.empty(0, np.int64)
    count = int((length - side) / step + 1e-9) + 1
    exact = np.arange(count) * step
    return np.minimum(np.rint(exact), np.floor(length - side)).astype(np.int64)


def covered_fraction(mask: np.ndarray, grid: Grid, slide_size: tuple[int, int]) -> np.ndarray:
    """Return for each tile the exact fraction of its area that is True in a mask of the whole slide.

    Parameters
    ----------
    mask : (H, W) bool, covering the whole slide.
    grid : N tiles.
    slide_size : (width, height) of level 0 in px.

    Returns
    -------
    (N,) float64 in 0..1.
    """
    height, width = mask.shape
    # The integral of a piecewise constant picture is bilinear between pixel corners, so this is exact.
    integral = cv2.integral(mask.astype(np.uint8))
    scale = np.array([width / slide_size[0], height / slide_size[1]])
    start = grid.coords * scale
    end = np.minimum((grid.coords + grid.tile_px_level0) * scale, (width, height))
    area = np.prod(end - start, axis=1)
    inside = (
        _at(integral, end[:, 0], end[:, 1])
        - _at(integral, start[:, 0], end[:, 1])
        - _at(integral, end[:, 0], start[:, 1])
        + _at(integral, start[:, 0], start[:, 1])
    )
    return np.clip(inside / area, 0.0, 1.0)


def _at(integral: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    left = np.minimum(x.astype(np.int64), integral.shape[1] - 2)
    top = np.minimum(y.astype(np.int64), integral.shape[0] - 2)
    right_share, bottom_share = x - left, y - top
    upper = integral[top, left] * (1 - right_share) + integral[top, left + 1] * right_share
    lower = integral[top + 1, left] * (1 - right_share) + integral[top + 1, left + 1] * right_share
    return upper * (1 - bottom_share) + lower * bottom_share
