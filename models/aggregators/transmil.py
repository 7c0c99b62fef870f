"""TransMIL."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from models.aggregators.class_token import ClassTokenMIL
from models.aggregators.nystrom import NystromAttention

KERNELS = (7, 5, 3)


class TransMIL(ClassTokenMIL):
    """Transformer-based correlated MIL (Shao et al., NeurIPS 2021, algorithms 1 and 2).

    ``h_i = relu(E x_i + e)``; the tiles are filled up to a square with the first ones, a class token goes in front,
    then Nystrom self-attention, depthwise convolutions of 7, 5 and 3 over the square (PPEG), Nystrom self-attention,
    normalisation and a linear head on the token. Attention and convolution mix the tiles: there is no exact share of a
    tile. The square is laid in the order of the tiles in the file, as in the paper's code, so that their order matters
    a little.
    """

    def add_mixing(self) -> None:
        """Add both attentions and the convolutions between them."""
        hidden = self.hidden
        self.first_norm, self.first = nn.LayerNorm(hidden), NystromAttention(hidden)
        self.positions = nn.ModuleList(nn.Conv2d(hidden, hidden, k, padding=k // 2, groups=hidden) for k in KERNELS)
        self.second_norm, self.second = nn.LayerNorm(hidden), NystromAttention(hidden)

    def mixed(self, token: Tensor, bag: Tensor) -> Tensor:
        """(1, H) token and (N, H) tiles -> (1, H) token that has read them."""
        side = math.isqrt(len(bag) - 1) + 1
        sequence = torch.cat([token, bag, bag[: side * side - len(bag)]])
        sequence = sequence + self.first(self.first_norm(sequence))
        square = sequence[1:].T.view(1, -1, side, side)
        square = square + sum(convolution(square) for convolution in self.positions)
        sequence = torch.cat([sequence[:1], square[0].flatten(1).T])
        sequence = sequence + self.second(self.second_norm(sequence))
        return sequence[:1]
