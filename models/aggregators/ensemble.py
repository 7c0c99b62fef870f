"""Several trained aggregators of one kind as one model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.aggregators.base import Aggregator, MilOutput

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


class Ensemble(Aggregator):
    """The mean of its members' logits, that is the geometric mean of their odds.

    The mean is taken of logits and not of probabilities because exact shares of tiles then stay exact: an ensemble
    explains itself if its members do. Its attention is the mean of theirs, and it has no single embedding of a tile.
    """

    def __init__(self, members: Sequence[Aggregator]) -> None:
        first = members[0]
        super().__init__(first.dim_in, first.hidden, first.attention_width, first.targets)
        self.members = nn.ModuleList(members)
        self.explains = first.explains

    def add_layers(self) -> None:
        """Add nothing: the members bring their layers."""

    def forward_bags(self, tiles: Tensor, lengths: Sequence[int], rng: np.random.Generator | None = None) -> Tensor:
        """Return the mean of the members' logits; see ``Aggregator.forward_bags``."""
        return torch.stack([one.forward_bags(tiles, lengths, rng) for one in self.members]).mean(dim=0)

    def forward(self, bag: Tensor) -> MilOutput:
        """Classify one bag (N, D); ``hidden`` is the bag itself."""
        outputs = [one(bag) for one in self.members]
        mean = [torch.stack([output[part] for output in outputs]).mean(dim=0) for part in (0, 1)]
        return MilOutput(mean[0], mean[1], bag)

    def contributions(self, output: MilOutput) -> Tensor:
        """(T, N): the mean of the members' shares."""
        shares = [one.contributions(one(output.hidden)) for one in self.members]
        return torch.stack(shares).mean(dim=0)

    @property
    def bias(self) -> Tensor:
        """(T,): the mean of the members' biases."""
        return torch.stack([one.bias for one in self.members]).mean(dim=0)
