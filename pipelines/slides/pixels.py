"""What every source of a slide's pixels speaks: rasters, boxes of whole pixels, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

REDUCTIONS = (8, 4, 2, 1)
"""The whole factors by which libjpeg can decode a picture smaller, without decoding it first."""
_SCALE_TOLERANCE = 1.005
"""Keeps a level whose downsample is 4.0011 instead of 4 usable for a wish of exactly 4."""
_WHOLE_TOLERANCE = 0.001
"""What a scale may differ from a whole factor so that a tile of 500 px still is as many px of the smaller picture."""


@dataclass(frozen=True)
class Raster:
    """The pixels in which a rectangle is rounded and read: a level's, or squares of ``reduction`` x ``reduction``.

    Attributes
    ----------
    level : level of the slide.
    reduction : level px per raster px along a side.
    downsample : level-0 px per raster px.
    size : (width, height) of the level in whole raster px.
    """

    level: int
    reduction: int
    downsample: float
    size: tuple[int, int]

    def box(self, x: float, y: float, width: float, height: float) -> Box:
        """Round a rectangle in level-0 px to whole raster px, at least one."""
        left, wide = self._span(x, width, self.size[0])
        top, high = self._span(y, height, self.size[1])
        return Box(left, top, wide, high)

    def _span(self, start: float, length: float, limit: int) -> tuple[int, int]:
        first, count = round(start / self.downsample), max(1, round(length / self.downsample))
        over = first + count - limit
        # Rounding must not push a rectangle that ends with the slide over its edge, where nothing was scanned.
        if 0 < over <= 2 and (start + length) / self.downsample < limit + 1:
            first = max(min(first, 0), first - over)
            count = min(count, limit - first)
        return first, count


class Box(NamedTuple):
    """A rectangle of whole raster px; it may reach out of the level."""

    left: int
    top: int
    width: int
    height: int


class Pixels(NamedTuple):
    """A picture of a box: (H, W, 3) uint8 RGB at the raster's scale or finer, and the fraction that was scanned.

    The picture may be part of a larger one that the source overwrites when the same thread reads again.
    """

    rgb: np.ndarray
    scanned: float


class Undecodable(NamedTuple):
    """Why a box has no picture."""

    reason: str


class PixelSource(Protocol):
    """A way to the pixels of an open slide, safe to use from several threads at once."""

    reader: str

    def read(self, raster: Raster, boxes: Sequence[Box]) -> list[Pixels | Undecodable]:
        """Read boxes that lie near each other; each result is the same as if its box were read alone."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def choose_raster(
    level_sizes: Sequence[tuple[int, int]], downsamples: Sequence[float], scale: float, oversampling: float = 1.0
) -> Raster:
    """Return the coarsest raster that is no coarser than ``scale`` level-0 px per px of the result.

    Parameters
    ----------
    level_sizes, downsamples : of the levels, finest first.
    scale : level-0 px per px of the result.
    oversampling : how many px of a stored level at least a px of the result averages along a side.
    """
    fits = [
        level for level, downsample in enumerate(downsamples) if downsample * oversampling <= scale * _SCALE_TOLERANCE
    ]
    level = fits[-1] if fits else 0
    rest = scale / downsamples[level]
    # Averaging 1.5 px of a smaller picture is not averaging 3 px of the picture itself; 2 and more come close.
    whole = _WHOLE_TOLERANCE if oversampling == 1 else 0
    fitting = (factor for factor in REDUCTIONS if rest >= 2 * oversampling * factor or abs(rest / factor - 1) < whole)
    reduction = next(fitting, 1)
    width, height = level_sizes[level]
    size = (max(1, width // reduction), max(1, height // reduction))
    return Raster(level, reduction, downsamples[level] * reduction, size)


def on_white(rgba: np.ndarray) -> Pixels:
    """Lay (H, W, 4) uint8 RGBA on white; what is transparent was not scanned."""
    alpha = cv2.extractChannel(rgba, 3)
    rgb = cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB)
    if alpha.min() == 255:
        return Pixels(rgb, 1.0)
    weight = alpha[..., None].astype(np.float32) / 255
    return Pixels(np.rint(rgb * weight + 255 * (1 - weight)).astype(np.uint8), float(alpha.mean()) / 255)
