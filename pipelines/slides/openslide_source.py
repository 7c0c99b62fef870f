"""Pixels through OpenSlide, which reads every format."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import openslide

from pipelines.slides.pixels import Box, Pixels, Raster, Undecodable, on_white

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class OpenSlideSource:
    """Reads boxes one by one; a handle that failed is replaced.

    Parameters
    ----------
    handle : the open slide; closed with the source.
    file : what the handle was opened from.
    """

    def __init__(self, handle: openslide.OpenSlide, file: Path) -> None:
        self._handle = handle
        self._file = file
        self._downsamples = handle.level_downsamples
        self._reopening = threading.Lock()
        self.reader = f"openslide {openslide.__library_version__}"

    def read(self, raster: Raster, boxes: Sequence[Box]) -> list[Pixels | Undecodable]:
        """Read boxes; see ``PixelSource``."""
        return [self._read(raster, box) for box in boxes]

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def _read(self, raster: Raster, box: Box) -> Pixels | Undecodable:
        # OpenSlide counts origins in level-0 px. One that does not stand for a whole px of the level would make it
        # shift the picture by a fraction of a px, and so blur it.
        origin = (round(box.left * raster.downsample), round(box.top * raster.downsample))
        size = (box.width * raster.reduction, box.height * raster.reduction)
        handle = self._handle
        try:
            rgba = np.asarray(handle.read_region(origin, raster.level, size))
        except openslide.OpenSlideError as first:
            rgba = self._read_on_fresh_handle(handle, origin, raster.level, size)
            if rgba is None:
                return Undecodable(str(first))
        return on_white(rgba)

    def _read_on_fresh_handle(
        self, failed: openslide.OpenSlide, origin: tuple[int, int], level: int, size: tuple[int, int]
    ) -> np.ndarray | None:
        # An OpenSlide handle that has failed once fails for ever, also for the other threads that read from it. A
        # handle of this thread's own tells whether this region is the bad one; the failed handle is not closed
        # here because other threads may be inside it: it closes when the last of them lets go of it.
        try:
            with self._reopening:
                if self._handle is failed:
                    self._handle = openslide.OpenSlide(self._file)
            with openslide.OpenSlide(self._file) as own:
                return np.asarray(own.read_region(origin, level, size))
        except (openslide.OpenSlideError, OSError):
            return None
