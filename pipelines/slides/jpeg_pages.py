"""Where the JPEG tiles of a TIFF lie, read once by tifffile."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import tifffile

from pipelines.damage import DAMAGE
from pipelines.slides.jpeg_stream import opening

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# It complains of every odd tag, on stderr where nobody listens to its log; what it can't follow is left to OpenSlide.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_JPEG, _RGB, _YCBCR, _CONTIGUOUS, _TOP_LEFT = 7, 2, 6, 1, 1
_MOST_PAGES = 200
_LARGEST_TILE_PX = 4096


class NotDirectError(Exception):
    """The slide's tiles cannot be read directly; the text says why, as the end of a sentence."""


@dataclass(frozen=True)
class JpegLevel:
    """The JPEG tiles of one level, row by row.

    Attributes
    ----------
    size : (width, height) in px.
    tile : (width, height) of a tile in px; the last ones reach over the edge.
    columns, rows : of tiles.
    offsets, counts : (columns * rows,) int64, where each tile's bytes lie and how many they are.
    begin : how each tile's stream begins, see ``jpeg_stream.opening``.
    left_out : (columns * rows,) bool, tiles that the file does not have, or that show one of a finer level that it
        does not have: OpenSlide takes the latter as missing too.
    """

    size: tuple[int, int]
    tile: tuple[int, int]
    columns: int
    rows: int
    offsets: np.ndarray
    counts: np.ndarray
    begin: bytes
    left_out: np.ndarray


def find_jpeg_levels(file: Path, level_sizes: Sequence[tuple[int, int]]) -> list[JpegLevel]:
    """Find the page of each level of a TIFF.

    Parameters
    ----------
    file : TIFF or SVS.
    level_sizes : (width, height) of the levels.

    Raises
    ------
    NotDirectError
        If a level is not a page of tiled 8-bit RGB or YCbCr JPEG.
    """
    levels: dict[tuple[int, int], JpegLevel] = {}
    try:
        with tifffile.TiffFile(file) as tiff:
            for number, page in enumerate(tiff.pages):
                size = (page.imagewidth, page.imagelength)
                if number >= _MOST_PAGES or len(levels) == len(set(level_sizes)):
                    break
                if page.is_tiled and size in level_sizes and size not in levels:
                    levels[size] = _level(page, size)
    except DAMAGE as error:
        msg = f"its structure cannot be followed ({error})"
        raise NotDirectError(msg) from error
    for size in level_sizes:
        if size not in levels:
            msg = f"its level of {size[0]} x {size[1]} px is no tiled page"
            raise NotDirectError(msg)
    found = [levels[size] for size in level_sizes]
    for finer, coarser in pairwise(found):
        row, column = np.divmod(np.flatnonzero(finer.left_out), finer.columns)
        row //= max(1, round(finer.rows / coarser.rows))
        column //= max(1, round(finer.columns / coarser.columns))
        inside = (row < coarser.rows) & (column < coarser.columns)
        coarser.left_out[(row * coarser.columns + column)[inside]] = True
    return found


def _level(page: tifffile.TiffPage, size: tuple[int, int]) -> JpegLevel:
    tile = (page.tilewidth, page.tilelength)
    columns, rows = -(-size[0] // tile[0]), -(-size[1] // tile[1])
    orientation = page.tags.get("Orientation")
    told = {
        "no JPEG": page.compression != _JPEG,
        "neither RGB nor YCbCr": page.photometric not in (_RGB, _YCBCR),
        "not three colours of 8 bits": (page.samplesperpixel, page.bitspersample) != (3, 8),
        "one plane per colour": page.planarconfig != _CONTIGUOUS,
        "turned": orientation is not None and orientation.value != _TOP_LEFT,
        "in reversed bit order": page.fillorder != 1,
        "in very large tiles": max(tile) > _LARGEST_TILE_PX,
        "short of tiles": not len(page.dataoffsets) == len(page.databytecounts) == columns * rows,
    }
    for fault, found in told.items():
        if found:
            msg = f"its level of {size[0]} x {size[1]} px is {fault}"
            raise NotDirectError(msg)
    counts = np.array(page.databytecounts, np.int64)
    return JpegLevel(
        size,
        tile,
        columns,
        rows,
        np.array(page.dataoffsets, np.int64),
        counts,
        opening(page.jpegtables, page.photometric == _YCBCR),
        counts == 0,
    )
