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
        How far it may be off: half a tile, since tissue is known by whole tiles only; 0 where none was estimated.
    overlap : float
        Jaccard index of the two areas then, 0 to 1.
    """

    um: NDArray[np.float64]
    precision_um: float
    overlap: float


def no_shift(one: Tissue, other: Tissue, step_um: float) -> Shift:
    """Return the overlap of two areas as they are."""
    corner, size, step = _frame([one, other], step_um)
    masks = [_mask(tissue, corner, size, step) for tissue in (one, other)]
    return Shift(np.zeros(2), 0.0, float((masks[0] & masks[1]).sum() / (masks[0] | masks[1]).sum()))


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
    frames = [_frame([tissue], step_um) for tissue in (one, other)]
    step = max(frame[2] for frame in frames)
    corners, masks = [], []
    for tissue in (one, other):
        corner, size, _ = _frame([tissue], step)
        corners.append(corner)
        masks.append(_mask(tissue, corner, size, step))
    first, second = masks
    shape = tuple(fft.next_fast_len(a + b - 1, real=True) for a, b in zip(first.shape, second.shape, strict=True))
    product = fft.rfft2(first.astype(np.float32), shape) * np.conj(fft.rfft2(second.astype(np.float32), shape))
    common = np.rint(fft.irfft2(product, shape)).astype(np.int64)
    best = int(common.max())
    lines, columns = np.nonzero(common == best)
    moves = np.column_stack([_signed(columns, first.shape[1], shape[1]), _signed(lines, first.shape[0], shape[0])])
    shifts = moves * step + corners[0] - corners[1]
    um = shifts[np.argmin(np.linalg.norm(shifts, axis=1))]
    return Shift(um, max(step, one.side / 2, other.side / 2), best / (int(first.sum()) + int(second.sum()) - best))


def _signed(index: NDArray[np.int64], most: int, length: int) -> NDArray[np.int64]:
    """Turn an index of the circular correlation into a move: from ``most`` on they count from the end."""
    return np.where(index < most, index, index - length)


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
