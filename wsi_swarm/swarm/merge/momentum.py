"""The mean with server momentum (FedAvgM).

Hsu, Qi and Brown, "Measuring the Effects of Non-Identical Data Distribution for Federated Visual Classification", 2019.
Breakdown point 0, as of the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.merge.arithmetic import held
from wsi_swarm.swarm.merge.mean import mean_delta
from wsi_swarm.swarm.state.encoding import FixedState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsi_swarm.swarm.merge.contribution import Contribution
    from wsi_swarm.swarm.merge.rules import Memory


@dataclass(frozen=True)
class Momentum:
    """``v = momentum * v + mean(delta)``, ``model + rate * v``; ``v`` is remembered in the model's fixed point.

    Attributes
    ----------
    momentum
        Share of the last movement that goes on, in [0, 1).
    rate
        How much of the movement is made, above 0.
    """

    momentum: float = 0.9
    rate: float = 1.0

    name: ClassVar[str] = "momentum"
    memory: ClassVar[tuple[str, ...]] = ("momentum",)
    robust: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not (0 <= self.momentum < 1 and 0 < self.rate <= 100):
            msg = f"momentum ({self.momentum:g}) must lie in [0, 1) and rate ({self.rate:g}) in (0, 100]"
            raise ConfigError(msg)

    @property
    def fewest(self) -> int:
        """One, as for the mean."""
        return 1

    def merge(
        self, model: FixedState, contributions: Sequence[Contribution], memory: Memory
    ) -> tuple[FixedState, Memory]:
        """Return the merged model and the movement; see ``rules.Rule``."""
        before = memory["momentum"].astype(np.float64)
        moving = held(self.momentum * before + mean_delta(contributions))
        return FixedState(model.layout, held(model.values + self.rate * moving.astype(np.float64))), {
            "momentum": moving
        }
