"""Pixels of tiled JPEG in TIFF and SVS, decoded straight from the file by libjpeg-turbo.

Each of the slide's own tiles is decoded once for all boxes that are read together, and where whole pixels of the
result are 2, 4 or 8 px of the level, libjpeg decodes it at that scale. What the file leaves out, or holds in another
way than the rest, is read by OpenSlide.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import numpy as np
import openslide
import simplejpeg

from pipelines.slides.jpeg_pages import JpegLevel, NotDirectError, find_jpeg_levels
from pipelines.slides.jpeg_stream import UnusualStreamError, decode
from pipelines.slides.pixels import Box, Pixels, Raster, Undecodable
from pipelines.slides.resize import resize

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipelines.slides.pixels import PixelSource

GRID_VENDORS = frozenset({"aperio", "generic-tiff"})
"""Formats whose levels OpenSlide draws as a plain grid of the page's tiles."""
_PROBES = 3
_PROBE_SHRINK = 8
"""OpenSlide shifts a level whose downsample is no whole number by a fraction of a px, which must not count."""
_PROBE_TOLERANCE = 4.0
"""Mean difference in grey levels; wrong colours or places make tens."""


class JpegTiffSource:
    """Reads boxes from the JPEG tiles of a slide's levels.

    Parameters
    ----------
    file : TIFF or SVS.
    levels : where each level's tiles lie.
    whole : OpenSlide's way to the same slide; closed with this source.
    """

    def __init__(self, file: Path, levels: Sequence[JpegLevel], whole: PixelSource) -> None:
        self._levels = levels
        self._own = threading.local()
        self._whole = whole
        self._file = file.open("rb", buffering=0)
        self._bytes = os.fstat(self._file.fileno()).st_size
        self.reader = f"jpeg-tiff (simplejpeg {simplejpeg.__version__}, DCT-scaled), {whole.reader}"

    def read(self, raster: Raster, boxes: Sequence[Box]) -> list[Pixels | Undecodable]:
        """Read boxes; see ``PixelSource``."""
        return _Mosaic(self, self._levels[raster.level], raster, boxes).cut()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._whole.close()

    def tile(self, level: JpegLevel, index: int, shrink: int) -> np.ndarray | Undecodable | None:
        """Decode one of the slide's own tiles; None where OpenSlide has to."""
        if level.left_out[index]:
            return None
        offset, count = int(level.offsets[index]), int(level.counts[index])
        if offset + count > self._bytes:
            return Undecodable("the file ends before")
        stream = os.pread(self._file.fileno(), count, offset)
        try:
            return decode(stream, level.begin, *level.tile, shrink)
        except UnusualStreamError:
            return None
        except ValueError as error:
            return Undecodable(str(error))

    def canvas(self, height: int, width: int) -> np.ndarray:
        """Return (height, width, 3) uint8 of this thread's own, the same memory at each call.

        Fresh memory of this size comes from the system page by page, which takes up to a sixth of the time of a block.
        """
        count = height * width * 3
        if getattr(self._own, "memory", np.empty(0)).size < count:
            self._own.memory = np.empty(count, np.uint8)
        return self._own.memory[:count].reshape(height, width, 3)

    def through_openslide(self, raster: Raster, box: Box) -> Pixels | Undecodable:
        """Read one box the other way."""
        return self._whole.read(raster, [box])[0]


class _Mosaic:
    """The decoded tiles around some boxes, laid side by side; px are those of the decoded tiles."""

    def __init__(self, source: JpegTiffSource, level: JpegLevel, raster: Raster, boxes: Sequence[Box]) -> None:
        self._source, self._raster, self._boxes = source, raster, boxes
        wide, high = level.tile
        shrink = raster.reduction if wide % raster.reduction == 0 == high % raster.reduction else 1
        self._unit = raster.reduction // shrink
        wide, high = wide // shrink, high // shrink
        self._limit = (level.size[0] // shrink, level.size[1] // shrink)
        self._inside = [self._clipped(box) for box in boxes]
        spans = [
            (y0 // high, -(-y1 // high), x0 // wide, -(-x1 // wide)) if x1 > x0 and y1 > y0 else None
            for x0, y0, x1, y1 in self._inside
        ]
        present = [span for span in spans if span is not None]
        first_row, first_column = min((s[0] for s in present), default=0), min((s[2] for s in present), default=0)
        end_row, end_column = max((s[1] for s in present), default=0), max((s[3] for s in present), default=0)
        wanted = np.zeros((end_row - first_row, end_column - first_column), bool)
        for top, bottom, left, right in present:
            wanted[top - first_row : bottom - first_row, left - first_column : right - first_column] = True
        self._picture = source.canvas(wanted.shape[0] * high, wanted.shape[1] * wide)
        self._origin = (first_column * wide, first_row * high)
        self._spans = spans
        self._missing: dict[tuple[int, int], Undecodable | None] = {}
        for row, column in np.argwhere(wanted).tolist():
            place = (row + first_row, column + first_column)
            tile = source.tile(level, place[0] * level.columns + place[1], shrink)
            if isinstance(tile, np.ndarray):
                self._picture[row * high : (row + 1) * high, column * wide : (column + 1) * wide] = tile
            else:
                self._missing[place] = tile

    def cut(self) -> list[Pixels | Undecodable]:
        """Return the picture of each box."""
        return [self._cut(number) for number in range(len(self._boxes))]

    def _clipped(self, box: Box) -> tuple[int, int, int, int]:
        unit, (width, height) = self._unit, self._limit
        left, top = box.left * unit, box.top * unit
        right, bottom = left + box.width * unit, top + box.height * unit
        return max(left, 0), max(top, 0), min(right, width), min(bottom, height)

    def _cut(self, number: int) -> Pixels | Undecodable:
        box, span = self._boxes[number], self._spans[number]
        width, height = box.width * self._unit, box.height * self._unit
        if span is None:
            return Pixels(np.full((height, width, 3), 255, np.uint8), 0.0)
        if self._missing:
            top, bottom, left, right = span
            faults = [self._missing[p] for p in self._missing if top <= p[0] < bottom and left <= p[1] < right]
            broken = [fault for fault in faults if fault is not None]
            if broken:
                return broken[0]
            if faults:
                return self._source.through_openslide(self._raster, box)
        x0, y0, x1, y1 = self._inside[number]
        dx, dy = self._origin
        inside = self._picture[y0 - dy : y1 - dy, x0 - dx : x1 - dx]
        if inside.shape[:2] == (height, width):
            return Pixels(inside, 1.0)
        rgb = np.full((height, width, 3), 255, np.uint8)
        left, top = x0 - box.left * self._unit, y0 - box.top * self._unit
        rgb[top : top + y1 - y0, left : left + x1 - x0] = inside
        return Pixels(rgb, (x1 - x0) * (y1 - y0) / (width * height))


def open_jpeg_tiff(file: Path, handle: openslide.OpenSlide, whole: PixelSource) -> JpegTiffSource:
    """Open a slide's JPEG tiles, if they are shown to give the pixels that OpenSlide gives.

    Parameters
    ----------
    file : what the handle was opened from.
    handle : the open slide.
    whole : OpenSlide's way to its pixels.

    Raises
    ------
    NotDirectError
        If the slide is of another kind, or a tile of some level looks different.
    """
    vendor = handle.properties.get(openslide.PROPERTY_NAME_VENDOR, "unknown")
    if vendor not in GRID_VENDORS:
        msg = f"it is of the kind '{vendor}'"
        raise NotDirectError(msg)
    levels, downsamples = find_jpeg_levels(file, handle.level_dimensions), handle.level_downsamples
    source = JpegTiffSource(file, levels, whole)
    for number, level in enumerate(levels):
        raster = Raster(number, 1, downsamples[number], level.size)
        if not _agree(source, whole, level, raster):
            source._file.close()
            msg = f"its level of {level.size[0]} x {level.size[1]} px looks different when read by OpenSlide"
            raise NotDirectError(msg)
    return source


def _agree(source: PixelSource, whole: PixelSource, level: JpegLevel, raster: Raster) -> bool:
    # The tiles with most bytes show most. A broken one among them says nothing about the others.
    count = min(_PROBES, len(level.counts))
    for index in np.argsort(np.where(level.left_out, 0, level.counts), kind="stable")[::-1][:count].tolist():
        row, column = divmod(index, level.columns)
        (wide, high), (width, height) = level.tile, level.size
        left, top = column * wide, row * high
        box = Box(left, top, min(wide, width - left), min(high, height - top))
        (ours,), (theirs,) = source.read(raster, [box]), whole.read(raster, [box])
        if not (isinstance(ours, Undecodable) or isinstance(theirs, Undecodable)):
            small = (-(-box.width // _PROBE_SHRINK), -(-box.height // _PROBE_SHRINK))
            difference = resize(ours.rgb, small).astype(np.int16) - resize(theirs.rgb, small)
            return float(np.abs(difference).mean()) <= _PROBE_TOLERANCE
    return False
