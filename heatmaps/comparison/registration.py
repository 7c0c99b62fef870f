"""How far two scans of one slide lie apart, from their pictures: finer than whole tiles can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from heatmaps.comparison.shift import correlation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipelines.slides import Slide

LEAST_CORRELATION = 0.5
"""Of the two pictures, moved onto each other; below it they are not taken for one tissue."""
_STEP_UM, _LONGEST_PX = 8.0, 2048
_GLASS = 235.0
"""Luminance from which nothing is tissue, whatever the scanner's white."""
_BLUR_UM = 400.0
"""What varies more slowly is taken out: how dark a scanner makes a whole region must not decide."""


def shift_of_pictures(
    first: Slide, second: Slide, near_um: NDArray[np.float64], within_um: float
) -> tuple[NDArray[np.float64], float] | None:
    """Find what has to be added to the second scan's places, in µm, and its resolution.

    Parameters
    ----------
    first, second : Slide
    near_um : (2,) float64
        A first guess, to the right and down.
    within_um : float
        How far it may be off on each axis.

    Returns
    -------
    (shift in µm (2,), resolution in µm), or None where the two pictures do not look alike there.
    """
    longest = max(max(slide.size) * slide.mpp for slide in (first, second))
    step = max(_STEP_UM, longest / _LONGEST_PX)
    one, other = (_structure(slide, step) for slide in (first, second))
    found = correlation(one, other)
    middle = np.rint(near_um / step).astype(int)
    reach = int(np.ceil(within_um / step))
    offsets = np.arange(-reach, reach + 1)
    # Moves count from the end of the circular correlation where they are negative.
    window = found[np.ix_((middle[1] + offsets) % found.shape[0], (middle[0] + offsets) % found.shape[1])]
    line, column = np.unravel_index(int(window.argmax()), window.shape)
    move = middle + np.array([offsets[column], offsets[line]])
    if _likeness(one, other, move) < LEAST_CORRELATION:
        return None
    return move * step, step


def _structure(slide: Slide, step: float) -> NDArray[np.float32]:
    """Return the fine structure of the tissue, (H, W), ``step`` µm per px; 0 on glass."""
    picture = slide.thumbnail(step)
    width, height = (max(1, round(side * slide.mpp / step)) for side in slide.size)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    dark = np.clip(_GLASS - grey, 0, None)
    return dark - cv2.GaussianBlur(dark, (0, 0), _BLUR_UM / step)


def _likeness(one: NDArray[np.float32], other: NDArray[np.float32], move: NDArray[np.int64]) -> float:
    """Return the correlation of two pictures where they lie on each other once the second was moved."""
    spans = []
    for axis, shift in ((0, int(move[1])), (1, int(move[0]))):
        start, end = max(0, shift), min(one.shape[axis], other.shape[axis] + shift)
        if end - start < 2:
            return 0.0
        spans.append((slice(start, end), slice(start - shift, end - shift)))
    (rows, other_rows), (columns, other_columns) = spans
    a, b = one[rows, columns].ravel(), other[other_rows, other_columns].ravel()
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
