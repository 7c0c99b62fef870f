"""Sums that are the same on every machine: in integers, or in floats that hold each integer exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from wsi_swarm.swarm.state.encoding import Values

_BLOCK = 1 << 15
"""Values at a time, so that the sum stays in the processor's cache."""


def weighted_sum(vectors: Sequence[Values], weights: Sequence[int]) -> NDArray[np.int64]:
    """Return ``sum(w_i * v_i)`` elementwise, exact if the weights sum to less than ``2**31``."""
    total = np.zeros(vectors[0].size, np.int64)
    product = np.empty(min(_BLOCK, total.size), np.int64)
    for start in range(0, total.size, _BLOCK):
        sums = total[start : start + _BLOCK]
        scaled = product[: sums.size]
        for vector, weight in zip(vectors, weights, strict=True):
            np.multiply(vector[start : start + _BLOCK], weight, out=scaled, dtype=np.int64)
            sums += scaled
    return total


def divide_half_even(numerator: NDArray[np.int64], denominator: int) -> NDArray[np.int64]:
    """Divide exactly and round to the nearest integer, ties to even; ``denominator`` is positive and below 2**31."""
    quotient = numerator // denominator
    twice = (numerator - quotient * denominator) * 2
    quotient += (twice > denominator) | ((twice == denominator) & (quotient & 1 == 1))
    return quotient
