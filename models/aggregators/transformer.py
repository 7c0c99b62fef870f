"""A small transformer whose class token reads the bag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.aggregators.base import Aggregator
from models.aggregators.segments import drop
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

HEADS = 8
LAYERS = 2


class TransformerMIL(Aggregator):
    """Two pre-norm transformer layers over the tiles and a class token; the token's last state goes to a linear head.

    Self-attention of Vaswani et al. (NeurIPS 2017), class token and pre-norm of Dosovitskiy et al. (ICLR 2021), for
    slides as in Wagner et al. (Cancer Cell 2023, 41:1650). ``h_i = relu(E x_i + e)``; no positions, so that the order
    of tiles means nothing. The token mixes the tiles more than once: there is no exact share of a tile.
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
        self.layers = nn.ModuleList(_Layer(hidden) for _ in range(LAYERS))
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
        sequence = torch.cat([self.token.to(bag.dtype), bag])
        for layer in self.layers:
            sequence = layer(sequence)
        return self.norm(sequence[:1])


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


def check_heads(hidden: int) -> None:
    """Refuse (``ConfigError``) a width that 8 heads do not divide."""
    if hidden % HEADS:
        msg = f"hidden is {hidden}; a transformer's width must be a multiple of {HEADS}, for instance 128"
        raise ConfigError(msg)
