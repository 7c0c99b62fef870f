"""Optical density: how much light of each colour the section takes away from the light that the glass lets through."""

from __future__ import annotations

import cv2
import numpy as np

_GLASS_LEVEL = 170
_STAIN_TINT = 8
"""Grey levels by which green may lie below red and blue in glass. Glass is yellowish or bluish; where the brightest
part of a picture lacks green, it is pale tissue and there is no glass in the picture."""


def glass_colour(image: np.ndarray) -> np.ndarray:
    """Return the colour (3,) of the empty glass: the median of the brightest twentieth, or white if that is no glass.

    Glass has a tint on many scanners; where no glass is in the picture, tissue must not be taken for it.
    """
    darkest = image.min(axis=-1)
    brightest = image[darkest >= max(np.percentile(darkest, 95), _GLASS_LEVEL)]
    if not len(brightest):
        return np.full(3, 255.0)
    colour = np.median(brightest, axis=0)
    return colour if min(colour[0], colour[2]) - colour[1] < _STAIN_TINT else np.full(3, 255.0)


def smoothed(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """Return a picture (H, W, 3) blurred by a Gaussian, as float32."""
    return cv2.GaussianBlur(image.astype(np.float32), (0, 0), max(sigma_px, 0.3), borderType=cv2.BORDER_REFLECT_101)


def optical_density(image: np.ndarray, glass: np.ndarray) -> np.ndarray:
    """Return ``-log10(image / glass)`` (H, W, 3) float32, the Beer-Lambert law; negative where brighter than glass."""
    return -np.log10(np.maximum(image, 1.0) / glass.astype(np.float32))
