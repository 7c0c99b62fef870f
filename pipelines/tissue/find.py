"""Where the tissue is: a mask from a low-resolution picture, by colour."""

from __future__ import annotations

import numpy as np
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import label
from skimage.morphology import closing, disk, opening

OVERVIEW_MPP = 8.0
"""µm per px at which tissue is looked for: a 112 µm tile is 14 px wide."""
_CHROMA_RANGE = (9.0, 22.0)
_GLASS_LEVEL = 170
_BLACK_LEVEL = 45
_SMOOTH_UM = 10.0
_RIM_UM = 16.0


def find_tissue(
    image: np.ndarray, mpp: float, smallest_piece_um2: float = 25_000.0, smallest_hole_um2: float = 50_000.0
) -> np.ndarray:
    """Return the tissue mask of a low-resolution picture.

    Stained tissue is coloured; glass, dust, black scanner borders and unscanned areas are grey. The measure is
    chroma (largest minus smallest of R, G, B, after the glass has been made white); the threshold is Otsu's (1979),
    held inside a fixed range so that a slide full of tissue is not split in two and an empty slide stays empty.

    Parameters
    ----------
    image : (H, W, 3) uint8 RGB.
    mpp : µm per pixel of ``image``.
    smallest_piece_um2, smallest_hole_um2 : smaller pieces are debris, smaller holes are filled.

    Returns
    -------
    (H, W) bool; all False where there is no tissue.
    """
    smooth = gaussian(image.astype(np.float32), sigma=_SMOOTH_UM / mpp, channel_axis=-1, preserve_range=True)
    chroma = np.ptp(smooth * (255 / glass_colour(image)), axis=-1)
    not_black = smooth.max(axis=-1) > _BLACK_LEVEL
    if not not_black.any():
        return np.zeros(image.shape[:2], bool)
    spread = chroma[not_black]
    threshold = float(threshold_otsu(spread)) if np.ptp(spread) > 0 else _CHROMA_RANGE[1]
    mask = (chroma > np.clip(threshold, *_CHROMA_RANGE)) & not_black
    rim = disk(max(1, round(_RIM_UM / mpp)))
    mask = opening(closing(np.pad(mask, len(rim), mode="edge"), rim), rim)
    mask = mask[len(rim) : -len(rim), len(rim) : -len(rim)]
    mask = _without_small(mask, smallest_piece_um2 / mpp**2)
    # Without tissue there is no hole to fill, only background that may be small.
    return mask if not mask.any() else ~_without_small(~mask, smallest_hole_um2 / mpp**2)


def glass_colour(image: np.ndarray) -> np.ndarray:
    """Return the colour (3,) of the empty glass: the median of the brightest twentieth, or white if that is not bright.

    Glass has a tint on many scanners; where no glass is in the picture, tissue must not be taken for it.
    """
    darkest = image.min(axis=-1)
    brightest = image[darkest >= max(np.percentile(darkest, 95), _GLASS_LEVEL)]
    return np.median(brightest, axis=0) if len(brightest) else np.full(3, 255.0)


def _without_small(mask: np.ndarray, smallest_px: float) -> np.ndarray:
    pieces = label(mask, connectivity=1)
    keep = np.bincount(pieces.ravel()) >= smallest_px
    keep[0] = False
    return keep[pieces]
