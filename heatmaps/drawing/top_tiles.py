"""Which tiles a person looks at first: the strongest ones, but not ten neighbours of one finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def strongest(
    values: NDArray[np.float64], coords: NDArray[np.int32], side: float, count: int, apart: float = 2.0
) -> list[int]:
    """Return indices of the greatest positive values, best first, at least ``apart`` tile sides from each other.

    Parameters
    ----------
    values : (N,) float64
        Negate them to get the strongest against.
    coords : (N, 2) level-0 px
    side : float
        Side of a tile in level-0 px.
    count : int
        At most so many; fewer where fewer values are above 0 or the tissue is small.
    apart : float
        Least distance of two chosen tiles in tile sides, along the farther axis.
    """
    chosen: list[int] = []
    # Ties go to the earlier tile, so that the choice is the same on every machine.
    for index in np.argsort(-values, kind="stable"):
        if len(chosen) == count or values[index] <= 0:
            break
        distances = np.abs(coords[chosen].astype(np.float64) - coords[index]).max(axis=1)
        if (distances >= apart * side - 1).all():
            chosen.append(int(index))
    return chosen
