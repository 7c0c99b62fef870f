"""Sums that are the same on every machine: in integers, or in floats that hold each integer exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wsi_swarm.swarm.state.encoding import saturated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from wsi_swarm.swarm.state.encoding import Values

_BLOCK = 1 << 15


def blocks(size: int) -> Iterator[slice]:
    """Cut ``size`` values into pieces that stay in the processor's cache while something is done to them."""
    return (slice(begin, begin + _BLOCK) for begin in range(0, size, _BLOCK))


def weighted_sum(vectors: Sequence[Values], weights: Sequence[int]) -> NDArray[np.int64]:
    """Return ``sum(w_i * v_i)`` elementwise, exact if the weights sum to less than ``2**31``."""
    total = np.zeros(vectors[0].size, np.int64)
    for where in blocks(total.size):
        sums = total[where]
        for vector, weight in zip(vectors, weights, strict=True):
            sums += np.multiply(vector[where], weight, dtype=np.int64)
    return total


def divide_half_even(numerator: NDArray[np.int64], denominator: int) -> NDArray[np.int64]:
    """Divide exactly and round to the nearest integer, ties to even; ``denominator`` is positive and below 2**31."""
    rounded = np.empty_like(numerator)
    for where in blocks(numerator.size):
        quotient = numerator[where] // denominator
        twice = (numerator[where] - quotient * denominator) * 2
        rounded[where] = quotient + ((twice > denominator) | ((twice == denominator) & (quotient & 1 == 1)))
    return rounded


def held(values: NDArray[np.float64]) -> Values:
    """Round to whole steps of the fixed point, half to even, and hold the values to the range of a state."""
    return saturated(np.rint(values).astype(np.int64))


def exact_gram(vectors: Sequence[Values]) -> list[list[int]]:
    """Return all dot products ``v_i · v_j``, exact.

    Every value is split into ``high * 2**16 + low`` with both parts below ``2**16``. Over one block a sum of their
    products stays below ``2**50``, where float64 holds each integer: the fast matrix product of floats is then exact in
    whatever order, by however many threads, it adds up.
    """
    n = len(vectors)
    total = [[[0] * n for _ in range(n)] for _ in range(3)]
    for where in blocks(vectors[0].size):
        block = np.stack([vector[where] for vector in vectors])
        high, low = (block >> 16).astype(np.float64), (block & 0xFFFF).astype(np.float64)
        for sums, product in zip(total, (high @ high.T, high @ low.T, low @ low.T), strict=True):
            for row, more in zip(sums, product.tolist(), strict=True):
                row[:] = [old + int(new) for old, new in zip(row, more, strict=True)]
    hh, hl, ll = total
    return [[hh[i][j] * 2**32 + (hl[i][j] + hl[j][i]) * 2**16 + ll[i][j] for j in range(n)] for i in range(n)]


def exact_square_distance(one: Values, other: Values) -> int:
    """Return the squared Euclidean distance of two vectors, exact: summed in parts that 64 bits hold."""
    total = 0
    for where in blocks(one.size):
        away = np.subtract(one[where], other[where], dtype=np.int64)
        high, low = away >> 16, away & 0xFFFF
        total += int(high @ high) * 2**32 + int(high @ low) * 2**17 + int(low @ low)
    return total
