"""A slide as JPEG tiles of a pyramid whose every level is half of the next."""

from __future__ import annotations

import math
from threading import Lock
from typing import TYPE_CHECKING

import cv2
import numpy as np

from heatmaps.drawing.render import encode_jpeg
from pipelines.slides import UnreadableRegion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.slides import Slide

TILE_PX = 512
_OVERVIEW_PX = 2048
_QUALITY = 85


class SlideTiles:
    """Tiles of an open slide; safe to ask from several threads.

    Attributes
    ----------
    finest : int
        Number of the level at full resolution; level 0 is one pixel.
    """

    def __init__(self, slide: Slide) -> None:
        self._slide = slide
        self.finest = math.ceil(math.log2(max(slide.size)))
        # Coarse tiles span much of the slide; they are cut from one picture, so that none of them reads it all.
        self._overview: NDArray[np.uint8] | None = None
        self._lock = Lock()

    def jpeg(self, level: int, column: int, row: int) -> bytes | None:
        """Return a tile, or None if there is none or the file can't be read there."""
        if not 0 <= level <= self.finest:
            return None
        factor = 2 ** (self.finest - level)
        width, height = (math.ceil(side / factor) for side in self._slide.size)
        left, top = column * TILE_PX, row * TILE_PX
        out = (min(TILE_PX, width - left), min(TILE_PX, height - top))
        if column < 0 or row < 0 or min(out) <= 0:
            return None
        picture = self._read(left * factor, top * factor, out, factor)
        return None if picture is None else encode_jpeg(picture, _QUALITY)

    def _read(self, x: float, y: float, out: tuple[int, int], factor: int) -> NDArray[np.uint8] | None:
        size = self._slide.size
        width, height = min(out[0] * factor, size[0] - x), min(out[1] * factor, size[1] - y)
        if factor >= max(size) / _OVERVIEW_PX:
            return self._cut(x, y, width, height, out)
        try:
            return self._slide.read_region(x, y, width, height, out)
        except UnreadableRegion as error:
            # Never scanned is glass that the scanner took for empty; what is unreadable is not shown as anything.
            return None if error.cause == "unreadable" else np.full((out[1], out[0], 3), 255, np.uint8)

    def _cut(self, x: float, y: float, width: float, height: float, out: tuple[int, int]) -> NDArray[np.uint8]:
        with self._lock:
            if self._overview is None:
                slide = self._slide
                self._overview = slide.thumbnail(slide.mpp * max(1.0, max(slide.size) / _OVERVIEW_PX))
        rows, columns = self._overview.shape[:2]
        to_x, to_y = columns / self._slide.size[0], rows / self._slide.size[1]
        left, top = min(round(x * to_x), columns - 1), min(round(y * to_y), rows - 1)
        right, bottom = max(round((x + width) * to_x), left + 1), max(round((y + height) * to_y), top + 1)
        return cv2.resize(self._overview[top:bottom, left:right], out, interpolation=cv2.INTER_AREA)
