"""How long members train between two merges, and the training loss by which they judge it.

With an adaptive interval the members train twice as long after a round in which their mean loss fell, up to a limit,
and as short as at first after one in which it rose: merges are for the time in which they teach something. The loss is
what the members say; one that lies can only move the interval between the two agreed ends.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from wsi_swarm.swarm.state.encoding import saturated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsi_swarm.swarm.state.encoding import Values

SYNC_VALUES = 2
"""Length of ``server.sync``: steps until the next merge; mean loss of the last round times 2**24; 0: none yet."""

_LOSS_BITS = 24
_HALF_MAX = 65504.0
_HALF = struct.Struct("<e")
_BITS = struct.Struct("<H")


@dataclass(frozen=True)
class SyncPlan:
    """Training steps between two merges.

    Attributes
    ----------
    steps
        At first, and after a round in which the loss rose.
    longest
        Up to this the interval doubles while the loss falls; None keeps it fixed.
    """

    steps: int = 40
    longest: int | None = None


def next_sync(sync: Values, plan: SyncPlan, losses: Sequence[tuple[int, float | None]]) -> Values:
    """Return the next ``server.sync``.

    Parameters
    ----------
    sync
        The last one.
    losses
        Weight and loss of each contributor. Those who tell no loss do not count; if none does, nothing changes.
    """
    told = [(weight, Fraction(loss)) for weight, loss in losses if loss is not None]
    if not told:
        return sync
    mean = sum(weight * loss for weight, loss in told) / sum(weight for weight, _ in told)
    loss = int(saturated(np.array([round(mean * 2**_LOSS_BITS)], np.int64))[0])
    steps, last = int(sync[0]) or plan.steps, int(sync[1])
    if last and loss > last:
        steps = plan.steps
    elif last and loss < last:
        steps = min(2 * steps, plan.longest or plan.steps)
    return np.array([steps, loss], np.int32)


def pack_loss(loss: float) -> int:
    """Return the flags of a commitment that tell a training loss: 16 bits, a half-float; 0 for what is no number."""
    if math.isnan(loss):
        return 0
    (bits,) = _BITS.unpack(_HALF.pack(min(max(loss, -_HALF_MAX), _HALF_MAX)))
    return bits or 1  # a loss of nothing is told as the smallest above it, since 0 says that none is told


def unpack_loss(flags: int) -> float | None:
    """Return the training loss that the flags of a commitment tell, None if none."""
    (loss,) = _HALF.unpack(_BITS.pack(flags & 0xFFFF))
    return loss if flags & 0xFFFF and math.isfinite(loss) else None
