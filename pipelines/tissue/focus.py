"""Tissue out of focus, from small finer pictures spread over it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from pipelines.slides import Slide

PROBE_MPP, PROBE_PX = 1.0, 128
"""Scale and side of the pictures. At 1 µm/px a blur of 2 µm shows; at 2 µm/px it did not."""
COARSEST_MPP = 1.25
"""A slide coarser than this has no finer picture to show; its focus is not judged."""
SPACING_UM, PROBES = 256.0, 256
"""Distance between pictures on a small section; on a large one there are about so many and they lie further apart."""
BLUR_RATIOS = (-1.2, -1.6)
"""Decimal logarithms of fine to coarse detail below which a picture is out of focus: 2 and 3 octaves apart."""
CONTENT = 1.5
"""Grey levels of coarse detail below which a picture shows too little to judge."""
_SCALES_UM = (0.5, 1.0, 2.0, 4.0, 8.0)
_MAJORITY = 0.5


def find_blur(slide: Slide, tissue: np.ndarray) -> np.ndarray:
    """Return which part of the tissue is out of focus.

    Parameters
    ----------
    slide : open slide.
    tissue : (H, W) bool, of the whole slide.

    Returns
    -------
    (H, W) bool.

    Notes
    -----
    Sharp tissue has about as much detail at each scale from 0.5 to 8 µm (differences of Gaussians of the green
    channel), whatever the tissue; defocus takes the fine detail away. On 876 real sharp 112 µm tiles of six sources,
    blurred by Gaussians of known width and saved as JPEG, this rule calls none of the sharp ones blurred (quality 80 or
    30), 0.2 % at a sigma of 1 µm, 22 % at 1.5 µm, 90 % at 2 µm, 99 % at 3 µm and 94 % at 6 µm; see
    ``tests/real/test_tissue.py``.
    A place counts only where at least half of it and its neighbours are blurred, so a region narrower than the
    spacing may be missed and one picture alone drops nothing.
    """
    blurred = np.zeros(tissue.shape, bool)
    if slide.mpp > COARSEST_MPP or not tissue.any():
        return blurred
    um_per_px = slide.size[0] * slide.mpp / tissue.shape[1]
    spacing = max(SPACING_UM, (float(tissue.sum()) * um_per_px**2 / PROBES) ** 0.5)
    rows, columns = (max(1, round(length * um_per_px / spacing)) for length in tissue.shape)
    share = cv2.resize(tissue.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    places = np.argwhere(share > _MAJORITY)
    side = PROBE_PX * PROBE_MPP / slide.mpp
    if not len(places) or side > min(slide.size):
        return blurred
    centres = (places[:, ::-1] + 0.5) * np.array(slide.size) / (columns, rows)
    corners = np.clip(np.rint(centres - side / 2), 0, np.floor(np.array(slide.size) - side)).astype(np.int32)
    verdict = np.full((rows, columns), np.nan)
    for place, picture in zip(places, slide.read_tiles(corners, side, PROBE_PX), strict=True):
        blur = is_blurred(picture) if isinstance(picture, np.ndarray) else None
        verdict[tuple(place)] = np.nan if blur is None else blur
    judged, votes = (_around(part) for part in (~np.isnan(verdict), np.nan_to_num(verdict)))
    # What shows too little to judge, and the rim of the tissue, goes with its neighbours.
    region = (votes >= _MAJORITY * judged) & (votes >= 2)
    coarse = cv2.resize(region.astype(np.uint8), tissue.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return (coarse > 0) & tissue


def is_blurred(picture: np.ndarray) -> bool | None:
    """Return whether a picture (H, W, 3) uint8 RGB at 1 µm/px has lost its fine detail; None if it shows too little."""
    fine, coarse, coarser = detail(picture)
    if max(coarse, coarser) < CONTENT**2:
        return None
    ratios = np.log10(np.maximum(fine, 1e-6) / np.maximum((coarse, coarser), 1e-6))
    return bool((ratios < BLUR_RATIOS).any())


def detail(picture: np.ndarray) -> tuple[float, float, float]:
    """Return the mean squared detail of a picture at 1 µm/px between 0.5 and 1, 2 and 4, 4 and 8 µm."""
    green = picture[..., 1].astype(np.float32)
    smooth = [cv2.GaussianBlur(green, (0, 0), scale / PROBE_MPP) for scale in _SCALES_UM]
    energy = [float(((one - other) ** 2).mean()) for one, other in pairwise(smooth)]
    return energy[0], energy[2], energy[3]


def _around(values: np.ndarray) -> np.ndarray:
    """Return the sum over each place and its eight neighbours."""
    return cv2.boxFilter(values.astype(np.float64), -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
