"""Aggregators whose logit is a weighted sum of what the tiles say: mean, max and attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.aggregators.base import EmbeddingAggregator, MilOutput
from models.aggregators.segments import segment_softmax, segment_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


class WeightedPooling(EmbeddingAggregator):
    """Embedding, weights of the tiles, linear head: ``logit_t = b_t + sum_i a_ti (w_t . h_i)``.

    With ``h_i = relu(E x_i + e)``. Because the head is linear, ``a_ti (w_t . h_i)`` is tile i's exact share of the
    logit. A subclass says what the weights ``a`` are, which are non-negative and sum to 1 over a bag.
    """

    explains = True

    def add_layers(self) -> None:
        """Add embedding, what the weights need, and head."""
        super().add_layers()
        self.add_gate()
        self.head = nn.Linear(self.hidden, self.targets)

    def add_gate(self) -> None:
        """Add what ``weights_of`` needs; nothing here."""

    def weights_of(self, hidden: Tensor, evidence: Tensor, lengths: Sequence[int]) -> Tensor:
        """Return (sum of lengths, T) weights from embedded tiles (.., H) and ``w_t . h_i`` (.., T)."""
        raise TypeError(f"{type(self).__name__} has no weights_of")

    def forward(self, bag: Tensor) -> MilOutput:
        """Classify one bag of tiles.

        Parameters
        ----------
        bag
            (N, D) float32, N >= 1.
        """
        hidden = torch.relu(self.embed(bag))
        evidence = self._evidence(hidden)
        attention = self.weights_of(hidden, evidence, [len(bag)])
        logits = self.head.bias + segment_sum(attention * evidence, [len(bag)])[0]
        return MilOutput(logits, attention.T, hidden)

    def contributions(self, output: MilOutput) -> Tensor:
        """Return (T, N): each tile's signed share of each logit; a row and the head's bias sum to the logit."""
        return output.attention * self._evidence(output.hidden).T

    @property
    def bias(self) -> Tensor:
        """(T,): the head's bias."""
        return self.head.bias

    def forward_bags(self, tiles: Tensor, lengths: Sequence[int], rng: np.random.Generator | None = None) -> Tensor:
        """Classify packed bags; see ``Aggregator.forward_bags``."""
        hidden = self.embedded(tiles, lengths, rng)
        return self.pooled(hidden, lengths)

    def pooled(self, hidden: Tensor, lengths: Sequence[int]) -> Tensor:
        """(sum of lengths, H) -> (B, T) logits."""
        evidence = self._evidence(hidden)
        weights = self.weights_of(hidden, evidence, lengths)
        return self.head.bias + segment_sum(weights * evidence, lengths)

    def _evidence(self, hidden: Tensor) -> Tensor:
        """(N, H) -> (N, T): what each tile would say if it were the whole bag, without the bias."""
        return hidden @ self.head.weight.T


class AttentionPooling(WeightedPooling):
    """Weights are a softmax over the bag of a score per tile and target."""

    def weights_of(self, hidden: Tensor, evidence: Tensor, lengths: Sequence[int]) -> Tensor:
        """Softmax of the scores."""
        return segment_softmax(self.scores(hidden), lengths)

    def scores(self, hidden: Tensor) -> Tensor:
        """(N, H) -> (N, T) attention logits."""
        raise TypeError(f"{type(self).__name__} has no scores")
