"""Aggregators in which a class token reads the bag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.aggregators.base import EmbeddingAggregator
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

HEADS = 8


class ClassTokenMIL(EmbeddingAggregator):
    """Embedding, class token, layers that mix it with the tiles, a linear head on the token's last state.

    The layers mix the tiles more than once: there is no exact share of a tile.
    """

    def add_layers(self) -> None:
        """Add embedding, token, the mixing layers, normalisation and head."""
        if self.hidden % HEADS:
            msg = f"hidden is {self.hidden}; a transformer's width must be a multiple of {HEADS}, for instance 128"
            raise ConfigError(msg)
        super().add_layers()
        self.token = nn.Parameter(torch.zeros(1, self.hidden))
        self.add_mixing()
        self.norm = nn.LayerNorm(self.hidden)
        self.head = nn.Linear(self.hidden, self.targets)

    def add_mixing(self) -> None:
        """Add what ``mixed`` needs."""
        raise TypeError(f"{type(self).__name__} has no add_mixing")

    def mixed(self, token: Tensor, bag: Tensor) -> Tensor:
        """(1, H) token and (N, H) tiles -> (1, H) token that has read them."""
        raise TypeError(f"{type(self).__name__} has no mixed")

    def forward_bags(self, tiles: Tensor, lengths: Sequence[int], rng: np.random.Generator | None = None) -> Tensor:
        """Classify packed bags; see ``Aggregator.forward_bags``."""
        bags = self.embedded(tiles, lengths, rng).split(list(lengths))
        tokens = torch.cat([self.mixed(self.token.to(bag.dtype), bag) for bag in bags])
        return self.head(self.norm(tokens))
