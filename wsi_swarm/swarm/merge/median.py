"""The coordinate-wise median.

Yin et al., "Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates", ICML 2018, definition 1.
Breakdown point 1/2: as long as fewer than half of the members lie, each value of the result lies between two that
honest members sent.
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
class Median(Robust):
    """``model + median(delta)``, of each value by itself; of an even number the mean of the two in the middle.

    Attributes
    ----------
    faulty
        Members that may lie: the fewest contributions of a merge follow from it, the result does not.
    """

    name: ClassVar[str] = "median"

    def merge(
        self, model: FixedState, contributions: Sequence[Contribution], memory: Memory
    ) -> tuple[FixedState, Memory]:
        """Return the merged model; see ``rules.Rule``."""
        ranked = np.sort(np.stack([one.delta.values for one in contributions]), axis=0)
        middle = ranked[(len(ranked) - 1) // 2].astype(np.int64) + ranked[len(ranked) // 2]
        return FixedState(model.layout, saturated(model.values + divide_half_even(middle, 2))), memory
