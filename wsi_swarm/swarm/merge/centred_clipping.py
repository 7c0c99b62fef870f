"""Centred clipping: the mean of the updates, each held to a ball around the last movement.

Karimireddy, He and Jaggi, "Learning from History for Byzantine Robust Optimization", ICML 2021. Breakdown point 1/2: a
liar pulls the centre by at most ``radius / n`` in each iteration, whatever it sends, and an honest member who is as far
away pulls back as much. ``f`` liars among ``h`` honest members that agree can hold the centre ``radius * f / h`` away
from them; as many liars as honest members carry it away round by round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.merge.arithmetic import blocks, divide_half_even, exact_square_distance
from wsi_swarm.swarm.state.encoding import FixedState, saturated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsi_swarm.swarm.merge.contribution import Contribution
    from wsi_swarm.swarm.merge.rules import Memory


@dataclass(frozen=True)
class CentredClipping:
    """``v = v + mean(clip(delta - v, radius))`` some times over, ``model + v``; ``v`` starts from the last merge's.

    Attributes
    ----------
    radius
        Euclidean norm, over the whole model and in its units, that a member's update may differ from the centre. It
        must be agreed on for the model at hand (the norm of an honest update is a start): it has no sensible default.
    faulty
        Members that may lie.
    iterations
        How often the centre is moved in one merge.
    """

    radius: float
    faulty: int = 1
    iterations: int = 3

    name: ClassVar[str] = "centred_clipping"
    memory: ClassVar[tuple[str, ...]] = ("centre",)
    robust: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not (1e-6 <= self.radius <= 1e9 and 0 <= self.faulty <= 127 and 1 <= self.iterations <= 100):
            msg = (
                f"radius ({self.radius:g}) must lie in [1e-6, 1e9], faulty ({self.faulty}) in 0..127 and iterations "
                f"({self.iterations}) in 1..100"
            )
            raise ConfigError(msg)

    @property
    def fewest(self) -> int:
        """More than twice the faulty ones."""
        return 2 * self.faulty + 1

    def merge(
        self, model: FixedState, contributions: Sequence[Contribution], memory: Memory
    ) -> tuple[FixedState, Memory]:
        """Return the merged model and the centre; see ``rules.Rule``."""
        radius = max(1, round(self.radius * 2**model.layout.fraction_bits))
        centre = memory["centre"]
        for _ in range(self.iterations):
            norms = [math.isqrt(exact_square_distance(one.delta.values, centre)) for one in contributions]
            total = np.zeros(model.layout.size, np.int64)
            for where in blocks(total.size):
                for one, norm in zip(contributions, norms, strict=True):
                    away = np.subtract(one.delta.values[where], centre[where], dtype=np.int64)
                    total[where] += away if norm <= radius else np.rint(away * (radius / norm)).astype(np.int64)
            centre = saturated(centre + divide_half_even(total, len(contributions)))
        return FixedState(model.layout, saturated(model.values + centre)), {"centre": centre}
