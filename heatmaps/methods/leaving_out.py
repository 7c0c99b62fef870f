"""Log-odds of a bag without each of its groups of tiles, as cheaply as the aggregator allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from heatmaps.methods.bags import logits_of
from models.aggregators.mean import MeanMIL
from models.aggregators.pooling import AttentionPooling

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from models.aggregators import Aggregator

_LEAST_REST = 1e-6
"""Share of the attention that must be left: what remains is a difference, which below this is no longer exact."""


def logits_without(network: Aggregator, tiles: torch.Tensor, groups: NDArray[np.int64]) -> torch.Tensor:
    """Return log-odds of the whole bag, and of the bag without each group; (1 + G, T).

    Where a group is the whole bag, what is left is one tile whose every feature is 0.

    Parameters
    ----------
    network : Aggregator
        In float64.
    tiles : (N, D) float64
    groups : (N,) int
        Each tile's group, 0 to G - 1.
    """
    of_tiles = torch.from_numpy(groups)
    count = int(groups.max()) + 1
    if not isinstance(network, AttentionPooling | MeanMIL):
        return logits_of(network, _bags(tiles, of_tiles, range(count)))
    # A tile's weight depends on the other tiles by the sum alone through which all weights are divided. So no bag goes
    # through the network again: taken away, a group leaves sums that are scaled up to a weight of 1.
    with torch.inference_mode():
        hidden = network.embedded(tiles, [len(tiles)], None)
        evidence = hidden @ network.head.weight.T
        weights = network.weights_of(hidden, evidence, [len(tiles)])
        empty = weights.new_zeros(count, weights.shape[1])
        gone = empty.index_add(0, of_tiles, weights)
        said = empty.index_add(0, of_tiles, weights * evidence)
        whole = said.sum(dim=0)
        left = 1 - gone
        found = torch.vstack([whole, (whole - said) / left]) + network.head.bias
        doubtful = torch.nonzero((left < _LEAST_REST).any(dim=1))[:, 0].tolist()
        if doubtful:
            found[[1 + group for group in doubtful]] = logits_of(network, _bags(tiles, of_tiles, doubtful))[1:]
    return found


def _bags(tiles: torch.Tensor, of_tiles: torch.Tensor, groups: range | list[int]) -> Iterator[torch.Tensor]:
    """Yield the bag, and the bag without each of these groups."""
    yield tiles
    for group in groups:
        left = tiles[of_tiles != group]
        yield left if len(left) else torch.zeros_like(tiles[:1])
