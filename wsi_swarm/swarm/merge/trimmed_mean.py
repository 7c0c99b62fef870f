"""The coordinate-wise trimmed mean.

Yin et al., "Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates", ICML 2018, definition 2.
Breakdown point: with ``faulty`` values cut off at either end, each value of the result lies between two that honest
members sent as long as no more than ``faulty`` members lie; that needs more than twice as many members. One more liar
moves it without bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from wsi_swarm.swarm.merge.arithmetic import divide_half_even
from wsi_swarm.swarm.merge.robust import Robust
from wsi_swarm.swarm.state.encoding import FixedState, saturated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsi_swarm.swarm.merge.contribution import Contribution
    from wsi_swarm.swarm.merge.rules import Memory


@dataclass(frozen=True)
class TrimmedMean(Robust):
    """``model + mean`` of what is left of each value when the ``faulty`` smallest and largest are cut off."""

    name: ClassVar[str] = "trimmed_mean"

    def merge(
        self, model: FixedState, contributions: Sequence[Contribution], memory: Memory
    ) -> tuple[FixedState, Memory]:
        """Return the merged model; see ``rules.Rule``."""
        ranked = np.sort(np.stack([one.delta.values for one in contributions]), axis=0)
        kept = ranked[self.faulty : len(ranked) - self.faulty]
        move = divide_half_even(kept.sum(axis=0, dtype=np.int64), len(kept))
        return FixedState(model.layout, saturated(model.values + move)), memory
