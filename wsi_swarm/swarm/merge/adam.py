"""The mean with Adam at the server (FedAdam).

Reddi et al., "Adaptive Federated Optimization", ICLR 2021, algorithm 2, with both moments zero at first. Breakdown
point 0: a member that lies decides the direction of every value, though no step is longer than about ``rate``.
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
class Adam:
    """``m = beta1 * m + (1 - beta1) * d``, ``v = beta2 * v + (1 - beta2) * d**2``, ``model + rate * m / (√v + tau)``.

    ``d`` is the weighted mean of the updates. Remembered are ``m`` and ``√v``, whose size is that of an update:
    ``v`` itself would need twice the digits that the fixed point has.

    Attributes
    ----------
    rate
        About the longest step of a value, in the model's units: it has no sensible default.
    beta1, beta2
        How long the first and the second moment remember, in [0, 1).
    tau
        Moves smaller than this, in the model's units, are damped.
    """

    rate: float
    beta1: float = 0.9
    beta2: float = 0.99
    tau: float = 1e-3

    name: ClassVar[str] = "adam"
    memory: ClassVar[tuple[str, ...]] = ("adam_first", "adam_second_root")
    robust: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1 and 0 < self.rate <= 10 and 1e-6 <= self.tau <= 1):
            msg = (
                f"rate ({self.rate:g}) must lie in (0, 10], beta1 ({self.beta1:g}) and beta2 ({self.beta2:g}) in "
                f"[0, 1), tau ({self.tau:g}) in [1e-6, 1]"
            )
            raise ConfigError(msg)

    @property
    def fewest(self) -> int:
        """One, as for the mean."""
        return 1

    def merge(
        self, model: FixedState, contributions: Sequence[Contribution], memory: Memory
    ) -> tuple[FixedState, Memory]:
        """Return the merged model and its moments; see ``rules.Rule``."""
        one = 2.0**model.layout.fraction_bits
        delta = mean_delta(contributions).astype(np.float64)
        first = held(self.beta1 * memory["adam_first"] + (1 - self.beta1) * delta)
        root = memory["adam_second_root"].astype(np.float64)
        second_root = held(np.sqrt(self.beta2 * (root * root) + (1 - self.beta2) * (delta * delta)))
        step = (self.rate * one) * first / (second_root + self.tau * one)
        moments = {"adam_first": first, "adam_second_root": second_root}
        return FixedState(model.layout, held(model.values + step)), moments
