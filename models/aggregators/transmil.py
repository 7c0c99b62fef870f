"""TransMIL."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.aggregators.base import Aggregator
from models.aggregators.nystrom import NystromAttention
from models.aggregators.segments import drop
from models.aggregators.transformer import check_heads

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

KERNELS = (7, 5, 3)


class TransMIL(Aggregator):
    """Transformer-based correlated MIL (Shao et al., NeurIPS 2021, algorithms 1 and 2).

    ``h_i = relu(E x_i + e)``; the tiles are filled up to a square with the first ones, a class token goes in front,
    then Nystrom self-attention, depthwise convolutions of 7, 5 and 3 over the square (PPEG), Nystrom self-attention,
    normalisation and a linear head on the token. Attention and convolution mix the tiles: there is no exact share of a
    tile. The square is laid in the order of the tiles in the file, as in the paper's code, so that their order matters
    a little.
    """

    def __init__(
        self,
        dim_in: int,
        hidden: int,
        attention: int,
        targets: int,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__(dim_in, hidden, attention, targets, dropout, input_dropout)
        check_heads(hidden)
        self.embed = nn.Linear(dim_in, hidden)
        self.token = nn.Parameter(torch.zeros(1, hidden))
        self.first_norm, self.first = nn.LayerNorm(hidden), NystromAttention(hidden)
        self.positions = nn.ModuleList(nn.Conv2d(hidden, hidden, k, padding=k // 2, groups=hidden) for k in KERNELS)
        self.second_norm, self.second = nn.LayerNorm(hidden), NystromAttention(hidden)
        self.norm = nn.LayerNorm(hidden)
        self.head = nn.Linear(hidden, targets)

    def forward_bags(self, tiles: Tensor, lengths: Sequence[int], rng: np.random.Generator | None = None) -> Tensor:
        """Classify packed bags; see ``Aggregator.forward_bags``."""
        hidden = torch.relu(self.embed(drop(tiles, lengths, self.input_dropout, rng)))
        hidden = drop(hidden, lengths, self.dropout, rng)
        tokens = torch.cat([self._token(bag) for bag in hidden.split(list(lengths))])
        return self.head(tokens)

    def _token(self, bag: Tensor) -> Tensor:
        """(N, H) -> (1, H)."""
        side = math.isqrt(len(bag) - 1) + 1
        sequence = torch.cat([self.token.to(bag.dtype), bag, bag[: side * side - len(bag)]])
        sequence = sequence + self.first(self.first_norm(sequence))
        square = sequence[1:].T.view(1, -1, side, side)
        square = square + sum(convolution(square) for convolution in self.positions)
        sequence = torch.cat([sequence[:1], square[0].flatten(1).T])
        sequence = sequence + self.second(self.second_norm(sequence))
        return self.norm(sequence[:1])
