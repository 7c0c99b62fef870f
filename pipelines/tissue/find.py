"""Where the tissue is: a class map from a low-resolution picture, by colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from skimage.filters import threshold_otsu

from pipelines.tissue.classes import PENS, Area
from pipelines.tissue.density import lightest, stain_density
from pipelines.tissue.morphology import enclosed, tidy, without_small
from pipelines.tissue.pen import find_pen

if TYPE_CHECKING:
    from collections.abc import Collection

OVERVIEW_MPP = 8.0
"""µm per px at which tissue is looked for: a 112 µm tile is 14 px wide."""
STAIN_RANGE = (0.012, 0.04)
"""Where the threshold of stain (optical density) lies, whatever Otsu's method says."""
SMALLEST_PIECE_UM2 = 25_000.0
SMALLEST_HOLE_UM2 = 50_000.0
"""Smaller pieces are debris, smaller holes are filled."""
BLACK_LEVEL = 45
DIRT_DENSITY = 0.08
_SMOOTH_UM = 10.0
_GAP_UM, _THREAD_UM = 16.0, 16.0
_BORDER_SHARE, _BORDER_MPP = 0.4, 32.0
_OTSU_SAMPLE = 500_000


def classify(
    image: np.ndarray,
    mpp: float,
    keep: Collection[Area] = (),
    any_stain: bool = False,
) -> np.ndarray:
    """Return the class map of a low-resolution picture of an H&E section.

    Haematoxylin and eosin both take away more green light than red or blue; glass, dust, black scanner borders and
    unscanned areas take away all colours alike, and inks take away others. So the measure of stain is the optical
    density of green above the lesser of red and blue. Its threshold is Otsu's (1979), held inside a narrow range so
    that a slide full of tissue is not split in two, an empty slide stays empty, and fat stays beside dark tissue.

    Parameters
    ----------
    image : (H, W, 3) uint8 RGB.
    mpp : µm per pixel of ``image``.
    keep : classes that are not looked for.
    any_stain : tissue is whatever differs from the glass, or from a black background; pens cannot be told from stain.

    Returns
    -------
    (H, W) uint8 of ``Area`` values; never BLUR, UNREADABLE or EXCLUDED, which need more than this picture.
    """
    if any_stain and np.median(lightest(image)) <= BLACK_LEVEL:
        image = 255 - image
    density = stain_density(image, _SMOOTH_UM / mpp)
    border = find_border(image, mpp)
    no_pens = any_stain or set(PENS) <= set(keep)
    inks = np.zeros(image.shape[:2], np.uint8) if no_pens else find_pen(density, mpp)
    most = lightest(density)
    stain = most if any_stain else density[..., 1] - np.minimum(density[..., 0], density[..., 2])
    free = ~(border | (inks > 0))
    stained = (stain > _threshold(stain, free)) & free
    gap_px, thread_px = (max(1, round(reach / 2 / mpp)) for reach in (_GAP_UM, _THREAD_UM))
    pieces = tidy(stained, gap_px, thread_px) & free
    mask = without_small(pieces, 0 if Area.DEBRIS in keep else SMALLEST_PIECE_UM2 / mpp**2)
    if mask.any():
        # Without tissue there is no hole to fill, only background that may be small.
        filled = enclosed(mask) if Area.HOLE in keep else ~without_small(~mask, SMALLEST_HOLE_UM2 / mpp**2)
        mask |= filled & free
    classes = np.where((most > DIRT_DENSITY) | stained, np.uint8(Area.DEBRIS), np.uint8(Area.BACKGROUND))
    classes[enclosed(mask)] = Area.HOLE
    classes[mask] = Area.TISSUE
    np.copyto(classes, inks, where=inks > 0)
    classes[border] = Area.BORDER
    return classes


def find_border(image: np.ndarray, mpp: float) -> np.ndarray:
    """Return where a scanner's black border lies (H, W): black areas along a good part of the picture's edge."""
    height, width = image.shape[:2]
    scale = max(1.0, _BORDER_MPP / mpp)
    size = (max(1, round(width / scale)), max(1, round(height / scale)))
    dark = lightest(cv2.resize(image, size, interpolation=cv2.INTER_AREA)) <= BLACK_LEVEL
    border = np.zeros(dark.shape, np.uint8)
    _, areas = cv2.connectedComponents(dark.astype(np.uint8), connectivity=4)
    for side in (areas[0], areas[-1], areas[:, 0], areas[:, -1]):
        lengths = np.bincount(side)
        for number in np.flatnonzero(lengths >= _BORDER_SHARE * len(side)):
            border |= (areas == number) & (number > 0)
    return cv2.resize(border, (width, height), interpolation=cv2.INTER_NEAREST) > 0


def _threshold(stain: np.ndarray, free: np.ndarray) -> float:
    every = max(1, stain.size // _OTSU_SAMPLE)
    sample = stain.ravel()[::every][free.ravel()[::every]]
    if not len(sample) or np.ptp(sample) == 0:
        return STAIN_RANGE[1]
    return float(np.clip(threshold_otsu(sample), *STAIN_RANGE))
