"""The weighted mean (federated averaging).

McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized Data", AISTATS 2017, algorithm 1,
with the patients of a centre for ``n_k``; equal weights give the basic merge. Breakdown point 0: one member that lies
can move the mean as far as the range of the encoding lets it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from wsi_swarm.swarm.merge.arithmetic import divide_half_even, weighted_sum
from wsi_swarm.swarm.merge.contribution import Contribution, ordered
from wsi_swarm.swarm.state.encoding import FixedState, saturated

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from wsi_swarm.swarm.merge.rules import Memory

__all__ = ["Contribution", "Mean", "weighted_mean"]


@dataclass(frozen=True)
class Mean:
    """``model + sum(w_i * delta_i) / sum(w_i)``, rounded half to even."""

    name: ClassVar[str] = "mean"
    memory: ClassVar[tuple[str, ...]] = ()
    robust: ClassVar[bool] = False

    @property
    def fewest(self) -> int:
        """One: its own mean."""
        return 1

    def merge(
        self, model: FixedState, contributions: Sequence[Contribution], memory: Memory
    ) -> tuple[FixedState, Memory]:
        """Return the merged model; see ``rules.Rule``."""
        return FixedState(model.layout, saturated(model.values + mean_delta(contributions))), memory


def mean_delta(contributions: Sequence[Contribution]) -> NDArray[np.int64]:
    """Return the weighted mean of the updates, each value rounded half to even, int64."""
    weights = [one.weight for one in contributions]
    return divide_half_even(weighted_sum([one.delta.values for one in contributions], weights), sum(weights))


def weighted_mean(base: FixedState, contributions: Sequence[Contribution]) -> FixedState:
    """Check the contributions (see ``contribution.ordered``) and return their merge by the weighted mean."""
    rule = Mean()
    return rule.merge(base, ordered(base, contributions, rule.fewest), {})[0]
