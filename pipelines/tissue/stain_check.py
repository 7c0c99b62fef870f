"""Is it an H&E section at all? What a low-resolution picture's colours say, before anything is cut into tiles."""

from __future__ import annotations

import cv2
import numpy as np

from pipelines.tissue.density import darkest, lightest, stain_density, total_density
from pipelines.tissue.pen import find_pen

CHECK_MPP = 32.0
"""Colours of whole regions are judged at this scale."""
DARK_LEVEL, DARK_SHARE = 45, 0.5
"""A picture that is mostly darker than this, and has next to no glass, was not made with light through a section."""
GLASS_LEVEL, GLASS_SHARE = 170, 0.02
STAINED = 0.12
"""Optical density from which a pixel's hue is worth looking at."""
EOSIN_SIDE, BLUE_SIDE, NEUTRAL = -0.08, -0.05, 0.08
"""Haematoxylin and eosin take away more green than red and more green than blue light, as shares of the density."""
SMALLEST_UM2 = 25_000.0
MASK_COLOURS, MASK_SHARE = 8, 0.95
_SMOOTH_UM = 10.0
_CHROMA_CENTRE, _CHROMA_TOLERANCE, _BRIGHT = 128, 16, 200
_WHITE_TOLERANCE = 24


def why_not_he(image: np.ndarray, mpp: float) -> str | None:
    """Return what speaks against a haematoxylin and eosin section, or None.

    Parameters
    ----------
    image : (H, W, 3) uint8 RGB of a whole slide.
    mpp : µm per pixel of ``image``.

    Returns
    -------
    Part of a sentence about the slide, such as "its background is black ...". A slide with too little colour to
    judge gives None.
    """
    scale = max(1.0, CHECK_MPP / mpp)
    size = (max(1, round(image.shape[1] / scale)), max(1, round(image.shape[0] / scale)))
    small, mpp = cv2.resize(image, size, interpolation=cv2.INTER_AREA), mpp * image.shape[1] / size[0]
    light = lightest(small)
    dark = float((light <= DARK_LEVEL).mean())
    glass = float((darkest(small) > GLASS_LEVEL).mean())
    if dark > DARK_SHARE and glass < GLASS_SHARE:
        return f"its background is black ({dark:.0%} of it), as in fluorescence or a mask, and not bright glass"
    if _is_mistagged(small):
        return (
            "its glass is pink with green and blue at half, so its pixels are YCbCr that the file calls RGB; "
            "correct the file's photometric interpretation"
        )
    density = stain_density(small, _SMOOTH_UM / mpp)
    total = total_density(density)
    stained = (total > STAINED) & (light > DARK_LEVEL) & (find_pen(density, mpp) == 0)
    if stained.sum() * mpp**2 < SMALLEST_UM2:
        return None
    few = _count_of_few_colours(cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)[stained])
    if few:
        return f"all of it that is not glass has one of {few} colours, as in a mask or a drawing"
    red, green, blue = (density[stained] / total[stained, None]).T
    ours = (red - green < EOSIN_SIDE) & (blue - green < BLUE_SIDE)
    grey = (np.abs(red - green) < NEUTRAL) & (np.abs(blue - green) < NEUTRAL)
    other = ~ours & ~grey
    if other.sum() <= ours.sum() or other.sum() * mpp**2 < SMALLEST_UM2:
        return None
    share = other.sum() / (other | ours).sum()
    return f"{share:.0%} of its colour is brown, blue or green and not purple or pink, as in immunohistochemistry"


def _is_mistagged(image: np.ndarray) -> bool:
    """Whether the brightest part is what white glass looks like when Y, Cb, Cr are taken for R, G, B."""
    light = image[..., 0]
    bright = image[light >= max(np.percentile(light, 95), _BRIGHT)]
    if not len(bright):
        return False
    luma, first, second = np.median(bright, axis=0)
    halves = abs(first - _CHROMA_CENTRE) < _CHROMA_TOLERANCE and abs(second - _CHROMA_CENTRE) < _CHROMA_TOLERANCE
    # OpenCV's order is Y, Cr, Cb.
    as_meant = cv2.cvtColor(np.uint8([[[luma, second, first]]]), cv2.COLOR_YCrCb2RGB)
    return bool(halves and np.ptp(as_meant.astype(int)) < _WHITE_TOLERANCE)


def _count_of_few_colours(pixels: np.ndarray) -> int:
    """Return how many colours make up nearly all of the pixels (N, 3) if that is a handful, otherwise 0."""
    codes = pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
    # A few thousand pixels tell; sorting millions takes time.
    _, counts = np.unique(codes[:: max(1, len(codes) // 20_000)], return_counts=True)
    largest = np.sort(counts)[::-1][:MASK_COLOURS]
    if largest.sum() < MASK_SHARE * counts.sum():
        return 0
    return int(np.searchsorted(largest.cumsum(), MASK_SHARE * counts.sum())) + 1
