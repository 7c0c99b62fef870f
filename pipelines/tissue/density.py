"""Optical density: how much light of each colour the section takes away from the light that the glass lets through."""

from __future__ import annotations

import cv2
import numpy as np

_GLASS_LEVEL = 170
_STAIN_TINT = 8
"""Grey levels by which green may lie below red and blue in glass. Glass is yellowish or bluish; where the brightest
part of a picture lacks green, it is pale tissue and there is no glass in the picture."""


_GLASS_SAMPLE_PX = 500_000


def glass_colour(image: np.ndarray) -> np.ndarray:
    """Return the colour (3,) of the empty glass: the median of the brightest twentieth, or white if that is no glass.

    Glass has a tint on many scanners; where no glass is in the picture, tissue must not be taken for it.
    """
    every = max(1, int((image.shape[0] * image.shape[1] / _GLASS_SAMPLE_PX) ** 0.5))
    sample = np.ascontiguousarray(image[::every, ::every])
    least = darkest(sample)
    brightest = sample[least >= max(np.percentile(least, 95), _GLASS_LEVEL)]
    if not len(brightest):
        return np.full(3, 255.0)
    colour = np.median(brightest, axis=0)
    return colour if min(colour[0], colour[2]) - colour[1] < _STAIN_TINT else np.full(3, 255.0)


def stain_density(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """Return the optical density (H, W, 3) float32 of a uint8 RGB picture, smoothed by a Gaussian.

    ``-log10(image / glass)``, the Beer-Lambert law; negative where brighter than the glass.
    """
    smooth = cv2.GaussianBlur(image, (0, 0), max(sigma_px, 0.3), borderType=cv2.BORDER_REFLECT_101)
    levels = np.maximum(np.arange(256.0), 1.0)[:, None]
    return cv2.LUT(smooth, (-np.log10(levels / glass_colour(image))).astype(np.float32)[None])


def lightest(channels: np.ndarray) -> np.ndarray:
    """Return the largest of three channels (H, W); numpy's own maximum is slow along so short an axis."""
    return np.maximum(np.maximum(channels[..., 0], channels[..., 1]), channels[..., 2])


def darkest(channels: np.ndarray) -> np.ndarray:
    """Return the smallest of three channels (H, W)."""
    return np.minimum(np.minimum(channels[..., 0], channels[..., 1]), channels[..., 2])


def total_density(density: np.ndarray) -> np.ndarray:
    """Return the length of the density vectors (H, W)."""
    return np.sqrt(np.einsum("...c,...c->...", density, density))
