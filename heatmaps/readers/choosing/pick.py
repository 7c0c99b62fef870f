"""The first tiles of an order that do not lie next to each other. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


def pick(
    order: Iterable[int], coords: NDArray[np.float64], side: float, count: int, apart: float, taken: Iterable[int] = ()
) -> list[int]:
    """Return the first ``count`` tiles of an order that keep their distance, fewer where there are no more.

    Parameters
    ----------
    order : iterable of int
        Rows of ``coords``, the best first.
    coords : (N, 2) level-0 px
        Top-left corners.
    side : float
        Of a tile in level-0 px.
    count : int
    apart : float
        Least distance in tile sides, along the farther axis: from 2 on, tiles with half a side around
        them don't overlap.
    taken : iterable of int
        Tiles that were chosen for something else; the same distance is kept from them.
    """
    chosen: list[int] = []
    near = list(taken)
    for index in order:
        if len(chosen) == count:
            break
        distances = np.abs(coords[near] - coords[index]).max(axis=1) if near else np.array([np.inf])
        # Corners are stored as whole px.
        if (distances >= apart * side - 1).all():
            chosen.append(int(index))
            near.append(int(index))
    return chosen
