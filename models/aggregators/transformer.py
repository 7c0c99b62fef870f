"""A small transformer whose class token reads the bag."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.aggregators.class_token import HEADS, ClassTokenMIL

LAYERS = 2


class TransformerMIL(ClassTokenMIL):
    """Two pre-norm transformer layers over the tiles and a class token; the token's last state goes to a linear head.

    Self-attention of Vaswani et al. (NeurIPS 2017), class token and pre-norm of Dosovitskiy et al. (ICLR 2021), for
    slides as in Wagner et al. (Cancer Cell 2023, 41:1650). ``h_i = relu(E x_i + e)``; no positions, so that the order
    of tiles means nothing. The token mixes the tiles more than once: there is no exact share of a tile.
    """

    def add_mixing(self) -> None:
        """Add the layers."""
        self.layers = nn.ModuleList(_Layer(self.hidden) for _ in range(LAYERS))

    def mixed(self, token: Tensor, bag: Tensor) -> Tensor:
        """(1, H) token and (N, H) tiles -> (1, H) token that has read them."""
        sequence = torch.cat([token, bag])
        for layer in self.layers:
            sequence = layer(sequence)
        return sequence[:1]


class _Layer(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(hidden)
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)
        self.norm_mlp = nn.LayerNorm(hidden)
        self.widen = nn.Linear(hidden, 2 * hidden)
        self.narrow = nn.Linear(2 * hidden, hidden)

    def forward(self, sequence: Tensor) -> Tensor:
        q, k, v = heads_of(self.qkv(self.norm_attention(sequence)))
        read = F.scaled_dot_product_attention(q, k, v)[0]
        sequence = sequence + self.out(read.transpose(0, 1).reshape(len(sequence), -1))
        return sequence + self.narrow(F.gelu(self.widen(self.norm_mlp(sequence))))


def heads_of(qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(L, 3 H) -> queries, keys and values, each (1, 8, L, H / 8)."""
    parts = qkv.view(len(qkv), 3, HEADS, -1).permute(1, 2, 0, 3)
    return parts[0:1], parts[1:2], parts[2:3]
