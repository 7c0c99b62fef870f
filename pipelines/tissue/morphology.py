"""Shapes in masks: what is too small, too thin, shut off, or touches something else."""

from __future__ import annotations

import cv2
import numpy as np


def ellipse(diameter_px: float) -> np.ndarray:
    """Return a round structuring element of an odd number of px."""
    side = max(1, round(diameter_px) | 1)
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def tidy(mask: np.ndarray, gap_px: int, thread_px: int) -> np.ndarray:
    """Close gaps and remove threads of up to twice as many px; edges of the picture count as going on."""
    margin = 2 * max(gap_px, thread_px) + 1
    padded = np.pad(mask.astype(np.uint8), margin, mode="edge")
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, ellipse(2 * gap_px + 1))
    inner = slice(margin, -margin)
    return opened(closed, 2 * thread_px + 1)[inner, inner]


def opened(mask: np.ndarray, diameter_px: float) -> np.ndarray:
    """Return the mask without what is narrower than this."""
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, ellipse(diameter_px)) > 0


def without_small(mask: np.ndarray, smallest_px: float) -> np.ndarray:
    """Return the mask without its pieces of fewer pixels."""
    _, areas, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    large = stats[:, cv2.CC_STAT_AREA] >= smallest_px
    large[0] = False
    return large[areas]


def enclosed(mask: np.ndarray) -> np.ndarray:
    """Return the parts outside a mask that it shuts off from the picture's edge."""
    _, areas = cv2.connectedComponents((~mask).astype(np.uint8), connectivity=4)
    at_edge = np.unique(np.concatenate([areas[0], areas[-1], areas[:, 0], areas[:, -1]]))
    open_to_edge = np.zeros(areas.max() + 1, bool)
    open_to_edge[at_edge] = True
    return ~open_to_edge[areas] & ~mask


def touching(seed: np.ndarray, more: np.ndarray) -> np.ndarray:
    """Return a mask with those pieces of another that touch it."""
    count, areas = cv2.connectedComponents((seed | more).astype(np.uint8), connectivity=8)
    touched = np.zeros(count, bool)
    touched[np.unique(areas[seed])] = True
    return touched[areas]
