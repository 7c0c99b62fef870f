"""How far two scans of one slide lie apart, from where their tiles lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import fft

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LONGEST_PX = 2048
"""Of the masks: bounds time and memory, and with them the precision on very large tissue."""


class Tissue(NamedTuple):
    """Squares of tissue in µm of their own scan: corners (N, 2) and side."""

    corners: NDArray[np.float64]
    side: float


class Shift(NamedTuple):
    """What has to be added to the second scan's places.

    Attributes
    ----------
    um : (2,) float64
        To the right and down.
    precision_um : float
        How far it may be off: half a tile of each scan where whole tiles told it, a pixel where pictures did; 0 where
        nothing was estimated.
    overlap : float
        Jaccard index of the two areas then, 0 to 1.
    by_pictures : bool
        Whether the slides' pictures told it.
    """

    um: NDArray[np.float64]
    precision_um: float
    overlap: float
    by_pictures: bool = False


def overlap_of(one: Tissue, other: Tissue, step_um: float) -> float:
    """Return the Jaccard index of two areas as they are, 0 to 1; ``step_um`` as in ``best_shift``."""
    corner, size, step = _frame([one, other], step_um)
    masks = [_mask(tissue, corner, size, step) for tissue in (one, other)]
    return float((masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum())


def best_shift(one: Tissue, other: Tissue, step_um: float) -> Shift:
    """Find the shift with which the two areas overlap most.

    Parameters
    ----------
    one, other : Tissue
    step_um : float
        Resolution wanted; it is coarser where the tissue is longer than 2,048 such steps.

    Returns
    -------
    Shift
        Of equally good ones the smallest.
    """
    step = max(_frame([tissue], step_um)[2] for tissue in (one, other))
    corners, masks = [], []
    for tissue in (one, other):
        corner, size, _ = _frame([tissue], step)
        corners.append(corner)
        masks.append(_mask(tissue, corner, size, step))
    first, second = masks
    common = np.rint(correlation(first.astype(np.float32), second.astype(np.float32))).astype(np.int64)
    best = int(common.max())
    lines, columns = np.nonzero(common == best)
    moves = [
        np.where(index < length, index, index - around)
        for index, length, around in zip((columns, lines), first.shape[::-1], common.shape[::-1], strict=True)
    ]
    shifts = np.column_stack(moves) * step + corners[0] - corners[1]
    um = shifts[np.argmin(np.linalg.norm(shifts, axis=1))]
    return Shift(um, max(step, (one.side + other.side) / 2), best / (int(first.sum()) + int(second.sum()) - best))


def correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum of products for every move of the second raster; moves to the left or up count from the end."""
    shape = tuple(fft.next_fast_len(a + b - 1, real=True) for a, b in zip(one.shape, other.shape, strict=True))
    return fft.irfft2(fft.rfft2(one, shape) * np.conj(fft.rfft2(other, shape)), shape)


def _frame(tissues: list[Tissue], step: float) -> tuple[NDArray[np.float64], tuple[int, int], float]:
    """Return corner in µm, (width, height) in steps, and the step, that hold all squares."""
    low = np.min([tissue.corners.min(axis=0) for tissue in tissues], axis=0)
    high = np.max([tissue.corners.max(axis=0) + tissue.side for tissue in tissues], axis=0)
    step = max(step, float((high - low).max()) / _LONGEST_PX)
    width, height = (np.ceil((high - low) / step).astype(int) + 1).tolist()
    return low, (width, height), step


def _mask(tissue: Tissue, corner: NDArray[np.float64], size: tuple[int, int], step: float) -> NDArray[np.bool_]:
    mask = np.zeros((size[1], size[0]), bool)
    low = np.rint((tissue.corners - corner) / step).astype(int)
    high = np.maximum(np.rint((tissue.corners + tissue.side - corner) / step).astype(int), low + 1)
    for (left, top), (right, bottom) in zip(low.tolist(), high.tolist(), strict=True):
        mask[top:bottom, left:right] = True
    return mask
