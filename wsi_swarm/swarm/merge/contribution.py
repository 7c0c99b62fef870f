"""What a member gives to a merge, and the checks that all rules share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsi_swarm.errors import IntegrityError
from wsi_swarm.swarm.state.encoding import FixedState, applicable

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TOTAL_WEIGHT = 2**31 - 1
"""A weighted sum of int32 stays exact in int64 as long as the weights sum to no more."""


@dataclass(frozen=True)
class Contribution:
    """One member's update.

    Attributes
    ----------
    member
        Its account: ties are broken by this text, so that everybody must use the same one.
    weight
        From the chain.
    delta
        Difference to the base model.
    loss
        Training loss as its commitment tells it, None if it does not.
    """

    member: str
    weight: int
    delta: FixedState
    loss: float | None = None


def ordered(model: FixedState, contributions: Sequence[Contribution], fewest: int) -> list[Contribution]:
    """Return the contributions sorted by member.

    Parameters
    ----------
    model
        The base model, without server tensors.
    fewest
        How many the rule needs.

    Raises
    ------
    IntegrityError
        If there are fewer than ``fewest``, a member occurs twice, a weight is not positive, the weights sum to
        ``2**31`` or more, or an update does not fit the base.
    """
    if len(contributions) < max(1, fewest) or len({one.member for one in contributions}) != len(contributions):
        members = [one.member for one in contributions]
        msg = f"this merge needs at least {max(1, fewest)} members, each exactly once; got {members}"
        raise IntegrityError(msg)
    total = sum(one.weight for one in contributions)
    if min(one.weight for one in contributions) < 1 or total > MAX_TOTAL_WEIGHT:
        msg = f"merge weights must be positive and sum to at most {MAX_TOTAL_WEIGHT}; they sum to {total}"
        raise IntegrityError(msg)
    for one in contributions:
        if not applicable(one.delta, model):
            msg = f"the update of {one.member} does not fit the base model: other tensors or values out of range"
            raise IntegrityError(msg)
    return sorted(contributions, key=lambda one: one.member)
