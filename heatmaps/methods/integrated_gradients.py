"""Integrated gradients: the gradient along the straight way from a slide of nothing to this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from heatmaps.methods.base import PerTarget
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.aggregators import Aggregator

BASELINE = "as many tiles whose every feature is 0"
STEPS = 64
MOST_STEPS = 4096
CROWDING = 4


class IntegratedGradients(PerTarget):
    """Integrated gradients (Sundararajan, Taly, Yan, ICML 2017), summed over the features of a tile.

    With features ``x`` (N, D) of the slide, log-odds ``F`` and the baseline ``x' = 0`` (as many tiles, all zeros),

    ``r_i = sum_d (x_id - x'_id) * integral from 0 to 1 of dF/dx_id (x' + u (x - x')) du``.

    The integral is a Gauss-Legendre sum of ``steps`` points in ``v`` with ``u = v^4``, which crowds the points at the
    baseline: there networks with layer normalisation, which divides by next to nothing, turn fastest.

    Over all tiles the numbers should sum to ``F(x) - F(x')``;
    by how much they miss it is the completeness error, which is recorded with the numbers.

    Parameters
    ----------
    steps : int
        Points at which the gradient is taken.
    """

    name = "ig"
    title = "integrated gradients"
    unit = "log-odds per tile"
    adds_up_to = "the log-odds of the slide less those of the baseline, but for the completeness error"
    shows = "what each tile adds on the way from an empty slide to this one"
    misleads = "the way leads through slides that do not exist, and the choice of the baseline moves all numbers"

    def __init__(self, steps: int = STEPS) -> None:
        if not 1 <= steps <= MOST_STEPS:
            msg = f"integrated gradients take 1 to {MOST_STEPS} steps, not {steps}"
            raise ConfigError(msg)
        self.steps = steps

    @classmethod
    def supports(cls, aggregator: type[Aggregator]) -> bool:
        """Return True: every aggregator has gradients."""
        del aggregator
        return True

    def parameters(self) -> dict[str, Any]:
        """Return baseline, number of steps and where they lie."""
        return {"baseline": BASELINE, "steps": self.steps, "points": f"Gauss-Legendre in v, u = v^{CROWDING}"}

    def numbers(
        self, network: Aggregator, tiles: torch.Tensor, coords: NDArray[np.float64], wanted: Sequence[int]
    ) -> tuple[NDArray[np.float64], list[dict[str, Any]]]:
        """Return the numbers and their completeness errors; see ``PerTarget.numbers``."""
        del coords
        lengths = [len(tiles)]
        points, weights = np.polynomial.legendre.leggauss(self.steps)
        values = np.zeros((len(wanted), len(tiles)))
        v = (points + 1) / 2
        for point, weight in zip(v**CROWDING, CROWDING * v ** (CROWDING - 1) * weights / 2, strict=True):
            there = (tiles * point).requires_grad_()
            logits = network.forward_bags(there, lengths)[0]
            for row, index in enumerate(wanted):
                (gradient,) = torch.autograd.grad(logits[index], there, retain_graph=row + 1 < len(wanted))
                values[row] += weight * (gradient * tiles).sum(dim=1).numpy()
        with torch.inference_mode():
            whole = network.forward_bags(tiles, lengths)[0]
            empty = network.forward_bags(torch.zeros_like(tiles), lengths)[0]
        details = [
            {
                "baseline_logit": float(empty[index]),
                "completeness_error": float(values[row].sum() - (whole[index] - empty[index])),
            }
            for row, index in enumerate(wanted)
        ]
        return values, details
