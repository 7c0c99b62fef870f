"""A whole slide at low resolution, with what could not be read marked instead of guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.slides.pixels import Undecodable, choose_raster
from pipelines.slides.resize import resize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.slides.pixels import PixelSource

_OVERSAMPLING = 2
"""Some writers make levels by leaving pixels out; averaging at least 2 x 2 of them keeps one from deciding."""
_BLOCK_PX = 4096
_FINEST_BLOCK_PX = 32
_QUARTERINGS = 2**4
"""How far a block with a hole is divided; each failing part costs OpenSlide opening the slide once more."""


@dataclass(frozen=True)
class Overview:
    """A slide at low resolution.

    Attributes
    ----------
    image : (H, W, 3) uint8 RGB; white where nothing was scanned or could be read.
    readable : (H, W) bool; False where the file could not be read.
    mpp : µm per pixel of ``image``.
    """

    image: np.ndarray
    readable: np.ndarray
    mpp: float


def read_overview(
    source: PixelSource,
    level_sizes: Sequence[tuple[int, int]],
    downsamples: Sequence[float],
    mpp: float,
    wanted_mpp: float,
) -> Overview:
    """Read a slide of ``mpp`` µm per level-0 px at about ``wanted_mpp`` (never finer than the slide itself).

    It is read block by block. A block that cannot be read is quartered until the hole is small.
    """
    size = level_sizes[0]
    scale = max(1.0, wanted_mpp / mpp)
    out_w, out_h = (max(1, round(side / scale)) for side in size)
    raster = choose_raster(level_sizes, downsamples, scale, _OVERSAMPLING)
    image = np.full((out_h, out_w, 3), 255, np.uint8)
    readable = np.ones((out_h, out_w), bool)
    step = max(_FINEST_BLOCK_PX, int(_BLOCK_PX / (scale / downsamples[raster.level])))
    finest = max(_FINEST_BLOCK_PX, step // _QUARTERINGS)
    blocks = [(left, top, step) for top in range(0, out_h, step) for left in range(0, out_w, step)]
    while blocks:
        left, top, side = blocks.pop()
        right, bottom = min(left + side, out_w), min(top + side, out_h)
        x0, x1 = left * size[0] / out_w, right * size[0] / out_w
        y0, y1 = top * size[1] / out_h, bottom * size[1] / out_h
        (part,) = source.read(raster, [raster.box(x0, y0, x1 - x0, y1 - y0)])
        if not isinstance(part, Undecodable):
            image[top:bottom, left:right] = resize(part.rgb, (right - left, bottom - top))
        elif side > finest:
            half = -(-side // 2)
            corners = ((left, top), (left + half, top), (left, top + half), (left + half, top + half))
            blocks += [(x, y, half) for x, y in corners if x < right and y < bottom]
        else:
            readable[top:bottom, left:right] = False
    return Overview(image, readable, mpp * size[0] / out_w)
