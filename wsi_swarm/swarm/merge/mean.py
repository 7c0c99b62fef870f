"""Merge rules: pure, deterministic, in exact integers, so that every member computes the identical result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wsi_swarm.errors import IntegrityError
from wsi_swarm.swarm.state.encoding import FixedState, applicable, representable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_TOTAL_WEIGHT = 2**31 - 1
"""A weighted sum of int32 stays exact in int64 as long as the weights sum to no more."""


@dataclass(frozen=True)
class Contribution:
    """One member's update: its weight from the chain and its difference to the base."""

    member: str
    weight: int
    delta: FixedState


def weighted_mean(base: FixedState, contributions: Sequence[Contribution]) -> FixedState:
    """Return ``base + sum(w_i * delta_i) / sum(w_i)``, rounded half to even (federated averaging).

    McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized Data", AISTATS 2017,
    algorithm 1, with the patients of a centre for ``n_k``; equal weights give the basic merge.

    Parameters
    ----------
    base
        The last final model.
    contributions
        The updates in any order: integer sums do not depend on it. Each member once.

    Raises
    ------
    IntegrityError
        If there is no contribution, a member occurs twice, a weight is not positive, the weights sum to
        ``2**31`` or more, or an update does not fit the base.
    """
    if not contributions or len({one.member for one in contributions}) != len(contributions):
        msg = f"a merge needs each contributing member exactly once; got {[one.member for one in contributions]}"
        raise IntegrityError(msg)
    total = sum(one.weight for one in contributions)
    if min(one.weight for one in contributions) < 1 or total > MAX_TOTAL_WEIGHT:
        msg = f"merge weights must be positive and sum to at most {MAX_TOTAL_WEIGHT}; they sum to {total}"
        raise IntegrityError(msg)
    weighted = np.zeros(base.layout.size, np.int64)
    for one in contributions:
        if not applicable(one.delta, base):
            msg = f"the update of {one.member} does not fit the base model: other tensors or values out of range"
            raise IntegrityError(msg)
        weighted += one.delta.values.astype(np.int64) * one.weight
    return FixedState(base.layout, representable(base.values + divide_half_even(weighted, total)))


def divide_half_even(numerator: NDArray[np.int64], denominator: int) -> NDArray[np.int64]:
    """Divide exactly and round to the nearest integer, ties to even; ``denominator`` is positive and below 2**31."""
    quotient, rest = np.divmod(numerator, denominator)
    twice = rest * 2
    up = (twice > denominator) | ((twice == denominator) & (quotient % 2 == 1))
    return quotient + up
