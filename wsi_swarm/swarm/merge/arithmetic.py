"""Sums that are the same on every machine: in integers, or in floats that hold each integer exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wsi_swarm.swarm.state.encoding import saturated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from wsi_swarm.swarm.state.encoding import Values

_GRAM_BLOCK = 1 << 16
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


def held(values: NDArray[np.float64]) -> Values:
    """Round to whole steps of the fixed point, half to even, and hold the values to the range of a state."""
    return saturated(np.rint(values).astype(np.int64))


def exact_gram(vectors: Sequence[Values]) -> list[list[int]]:
    """Return all dot products ``v_i · v_j``, exact.

    Every value is split into ``high * 2**16 + low`` with both parts below ``2**16``. Over one block a sum of their
    products stays below ``2**48``, where float64 holds each integer: the fast matrix product of floats is then exact in
    whatever order, by however many threads, it adds up.
    """
    n = len(vectors)
    total = [[[0] * n for _ in range(n)] for _ in range(3)]
    for start in range(0, vectors[0].size, _GRAM_BLOCK):
        block = np.stack([vector[start : start + _GRAM_BLOCK] for vector in vectors])
        high, low = (block >> 16).astype(np.float64), (block & 0xFFFF).astype(np.float64)
        for sums, product in zip(total, (high @ high.T, high @ low.T, low @ low.T), strict=True):
            for row, more in zip(sums, product.tolist(), strict=True):
                row[:] = [old + int(new) for old, new in zip(row, more, strict=True)]
    hh, hl, ll = total
    return [[hh[i][j] * 2**32 + (hl[i][j] + hl[j][i]) * 2**16 + ll[i][j] for j in range(n)] for i in range(n)]


def exact_square_norm(vector: NDArray[np.int64]) -> int:
    """Return the squared Euclidean norm of a vector with values within ``±2**33``, exact."""
    high, low = vector >> 16, vector & 0xFFFF
    products = (int((high * high).sum()), int((high * low).sum()), int((low * low).sum()))
    return products[0] * 2**32 + products[1] * 2**17 + products[2]
