"""Attention: how much the model looked at a tile, whatever it saw there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from heatmaps.methods.base import PerTarget
from models.aggregators.dsmil import DSMIL
from models.aggregators.pooling import AttentionPooling

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from models.aggregators import Aggregator


class Attention(PerTarget):
    """``N a_i``: the weight of a tile as a multiple of what it would get if all of the N tiles got the same."""

    name = "attention"
    title = "attention"
    unit = "times the average tile"
    scale = "sequential from 0"
    signed = False
    directed = False
    column = "attention_x_uniform"
    shows = "how much more than at an average tile the model looked there"
    misleads = "it is no evidence: a tile may be looked at because it speaks against the class, or for nothing"

    @classmethod
    def supports(cls, aggregator: type[Aggregator]) -> bool:
        """Return whether it learns weights of tiles; those of mean and max say nothing that a picture could show."""
        return issubclass(aggregator, AttentionPooling | DSMIL)

    def numbers(
        self, network: Aggregator, tiles: torch.Tensor, coords: NDArray[np.float64], wanted: Sequence[int]
    ) -> tuple[NDArray[np.float64], list[dict[str, Any]]]:
        """Return the multiples; see ``PerTarget.numbers``."""
        del coords
        with torch.inference_mode():
            attention = network(tiles).attention.numpy()
        return attention[list(wanted)] * len(tiles), [{} for _ in wanted]
