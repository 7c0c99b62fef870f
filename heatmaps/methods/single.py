"""Single-tile probability: what the model says of a tile that is alone in the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from heatmaps.methods.bags import logits_of
from heatmaps.methods.base import PerTarget

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from models.aggregators import Aggregator


class Single(PerTarget):
    """``sigmoid(F({x_i}))``: the model's probability of a bag that holds tile i and nothing else."""

    name = "single"
    title = "single-tile probability"
    unit = "probability"
    scale = "sequential from 0 to 1"
    signed = False
    fixed_clip = 1.0
    shows = "what the model would say of a slide that consisted of this tile"
    misleads = (
        "the model never saw such a slide: all tiles may get a high probability on a slide that gets a low one, "
        "and tiles that it gave no attention look as important as those it did"
    )

    @classmethod
    def supports(cls, aggregator: type[Aggregator]) -> bool:
        """Return True: every aggregator takes a bag of one tile."""
        del aggregator
        return True

    def numbers(
        self, network: Aggregator, tiles: torch.Tensor, coords: NDArray[np.float64], wanted: Sequence[int]
    ) -> tuple[NDArray[np.float64], list[dict[str, Any]]]:
        """Return the probabilities; see ``PerTarget.numbers``."""
        del coords
        alone = (tile[None] for tile in tiles)
        logits = logits_of(network, alone)
        return torch.sigmoid(logits).T.numpy()[list(wanted)], [{} for _ in wanted]
