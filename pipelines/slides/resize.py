"""Scaling a picture to the size asked for, by area averaging."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from scipy.sparse import csr_array

_SPARSE_LIMIT_PX = 2_000_000
"""Pictures up to this size pass through float32 at four times their memory; larger ones are averaged by OpenCV."""

# Tiles are read by threads of our own; a second pool inside each resize would only fight with them.
cv2.setNumThreads(1)


def resize(rgb: np.ndarray, out_px: tuple[int, int]) -> np.ndarray:
    """Scale (H, W, 3) uint8 to (width, height); the result shares no memory with what it was cut from.

    Smaller by area averaging: each px of the result is the mean of what it covers, parts of px included. Larger by
    linear interpolation.
    """
    height, width = rgb.shape[:2]
    if (width, height) == out_px:
        return np.array(rgb, order="C") if rgb.base is not None else rgb
    if width < out_px[0] or height < out_px[1]:
        return cv2.resize(rgb, out_px, interpolation=cv2.INTER_LINEAR)
    whole = width % out_px[0] == 0 == height % out_px[1]
    if whole or width * height > _SPARSE_LIMIT_PX:
        return cv2.resize(rgb, out_px, interpolation=cv2.INTER_AREA)
    return _area_mean(rgb, out_px)


def _area_mean(rgb: np.ndarray, out_px: tuple[int, int]) -> np.ndarray:
    # The same sums as OpenCV's INTER_AREA, whose loops for factors that are no whole numbers use no vector
    # instructions; these do, and take about two thirds of the time.
    height, width = rgb.shape[:2]
    rows = _shares(height, out_px[1]) @ rgb.reshape(height, -1).astype(np.float32)
    across = cv2.transpose(rows.reshape(out_px[1], width, 3)).reshape(width, -1)
    mean = cv2.convertScaleAbs(_shares(width, out_px[0]) @ across)
    return cv2.transpose(mean.reshape(out_px[0], out_px[1], 3))


@lru_cache(maxsize=64)
def _shares(length: int, count: int) -> csr_array:
    """Return (count, length) float32: which share of each px of the result each px of the picture is."""
    edges = np.arange(count + 1) * (length / count)
    edges[-1] = length
    row, column, share = [], [], []
    for number, (start, end) in enumerate(pairwise(edges.tolist())):
        first, last = int(start), min(int(np.ceil(end)), length)
        row += [number] * (last - first)
        column += range(first, last)
        inside = np.minimum(end, np.arange(first, last) + 1) - np.maximum(start, np.arange(first, last))
        share += (inside / inside.sum()).tolist()
    return csr_array((np.array(share, np.float32), (row, column)), shape=(count, length))
