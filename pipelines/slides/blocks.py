"""Which tiles are read together. Pure geometry."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pipelines.slides.pixels import Raster

BLOCK_PX = 16_000_000
"""Pixels of a block's bounding box: 48 MB decoded. Larger blocks decode fewer of the slide's own tiles twice."""
BLOCK_TILES = 10
"""Tiles along a block's side, where they lie side by side: enough blocks for several threads, also in a biopsy."""


def make_blocks(coords: np.ndarray, side: float, raster: Raster, block_px: int = BLOCK_PX) -> list[np.ndarray]:
    """Divide tiles into neighbourhoods whose bounding box holds at most ``block_px`` raster px, or one tile.

    Parameters
    ----------
    coords : (N, 2), top-left corners in level-0 px.
    side : of a tile in level-0 px.
    raster : the pixels that are read.
    block_px : largest bounding box.

    Returns
    -------
    Row indices of each block, ascending; blocks from top to bottom and left to right. Every row is in one block.
    """
    coords = np.asarray(coords)
    if not len(coords):
        return []
    # A tile begins inside its cell and so ends within one side of it. Cells are whole tiles wide and begin half a tile
    # before the first one, so that the rounded positions of a grid never fall on either side of a border.
    room = math.sqrt(block_px) * raster.downsample - side
    cell = min(room // side, BLOCK_TILES) * side if room >= side else max(1.0, room)
    column, row = ((coords - coords.min(axis=0) + side / 2) // cell).T.astype(np.int64)
    order = np.lexsort((np.arange(len(coords)), column, row))
    borders = np.flatnonzero(np.diff(row[order]) | np.diff(column[order])) + 1
    return np.split(order, borders)
