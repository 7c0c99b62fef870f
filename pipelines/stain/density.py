"""Optical density, and the one fast arithmetic that normalisation and jitter share: an affine map of it."""

from __future__ import annotations

import cv2
import numpy as np

Affine = tuple[tuple[float, float, float, float], ...]
"""Three rows of three factors and an offset; plain numbers, so that it is hashable and small to send."""

DECIMALS = 6
"""Estimates are rounded, so that the last bits of a library's sums do not reach a file."""

_LOG = np.log(np.maximum(np.arange(256), 1) / 255.0).astype(np.float32)
_WHITE = np.float32(np.log(255.0))


def optical_density(pixels: np.ndarray) -> np.ndarray:
    """Return -log10(I / 255) of uint8 values of any shape, float64; 0 counts as 1, since its logarithm has no end."""
    return (-_LOG.astype(np.float64) / np.log(10.0))[pixels]


def map_density(tile: np.ndarray, affine: Affine) -> np.ndarray:
    """Apply an affine map to the optical density of every pixel.

    Parameters
    ----------
    tile : (H, W, 3) uint8.
    affine : row i gives density i of the result from the three densities of the tile; offsets in natural units
        (-ln I / 255).

    Returns
    -------
    (H, W, 3) uint8, cut to 0-255.
    """
    rows = np.array(affine, np.float32)
    rows[:, 3] = _WHITE - rows[:, 3]  # so that exp gives 0-255 without another pass
    light = cv2.transform(cv2.LUT(tile, _LOG), rows)
    np.minimum(light, _WHITE, out=light)  # beyond white the conversion below would not cut but wrap
    return cv2.convertScaleAbs(cv2.exp(light, dst=light))


def rounded(values: np.ndarray) -> tuple[float, ...]:
    """Return an estimate as plain, rounded numbers."""
    return tuple(round(float(value), DECIMALS) for value in values)
