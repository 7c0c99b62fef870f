"""Dual-stream MIL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.aggregators.base import EmbeddingAggregator, MilOutput
from models.aggregators.segments import segment_argmax, segment_softmax, segment_sum, to_tiles
from models.training import masked_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


class DSMIL(EmbeddingAggregator):
    """Dual-stream multiple-instance learning (Li, Li, Eliceiri, CVPR 2021, equations 2 to 7).

    Per target t, the first stream finds the critical tile, ``m = argmax_i w_t . h_i``, and says ``c_m = w_t . h_m +
    b_t``. The second weighs every tile by its likeness to it, with queries ``q_i = tanh(Q h_i)`` and values ``v_i = P
    h_i``:

    ``a_ti = softmax_i( <q_i, q_m> / sqrt(A) )``,    ``c_b = u_t . sum_i a_ti v_i + d_t``,    ``logit_t = (c_m + c_b) /
    2``

    Training asks both streams for the label, half the loss each. Everything after the weights is linear, so that tile
    i's exact share is ``(a_ti u_t . v_i + [i = m] w_t . h_i) / 2``. Unlike the paper's code, targets do not mix in the
    last layer, and tiles are embedded first, ``h_i = relu(E x_i + e)``.
    """

    explains = True

    def add_layers(self) -> None:
        """Add embedding, queries, values and the heads of both streams."""
        super().add_layers()
        self.query = nn.Linear(self.hidden, self.attention_width)
        self.value = nn.Linear(self.hidden, self.hidden, bias=False)
        self.critical = nn.Linear(self.hidden, self.targets)
        self.head = nn.Linear(self.hidden, self.targets)

    def forward(self, bag: Tensor) -> MilOutput:
        """Classify one bag (N, D); the attention is the second stream's."""
        hidden = torch.relu(self.embed(bag))
        first, second = self._streams(hidden, [len(bag)])
        return MilOutput(((first + second) / 2)[0], self._attention(hidden, [len(bag)]).T, hidden)

    def contributions(self, output: MilOutput) -> Tensor:
        """(T, N): half of each tile's share in the bag's stream, plus half of the critical tile's logit."""
        evidence = output.hidden @ self.critical.weight.T
        best = torch.zeros_like(evidence).scatter(0, segment_argmax(evidence, [len(evidence)]), 1.0)
        return (output.attention * self._values(output.hidden).T + (best * evidence).T) / 2

    @property
    def bias(self) -> Tensor:
        """(T,): the mean of both streams' biases."""
        return (self.critical.bias + self.head.bias) / 2

    def forward_bags(self, tiles: Tensor, lengths: Sequence[int], rng: np.random.Generator | None = None) -> Tensor:
        """Classify packed bags; see ``Aggregator.forward_bags``."""
        first, second = self._streams(self.embedded(tiles, lengths, rng), lengths)
        return (first + second) / 2

    def loss(
        self,
        tiles: Tensor,
        lengths: Sequence[int],
        labels: np.ndarray,
        weights: np.ndarray,
        rng: np.random.Generator | None = None,
    ) -> Tensor:
        """Half the loss of each stream; see ``Aggregator.loss``."""
        first, second = self._streams(self.embedded(tiles, lengths, rng), lengths)
        return (masked_loss(first.float(), labels, weights) + masked_loss(second.float(), labels, weights)) / 2

    def _streams(self, hidden: Tensor, lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
        evidence = hidden @ self.critical.weight.T
        first = evidence.gather(0, segment_argmax(evidence, lengths)) + self.critical.bias
        shares = self._attention(hidden, lengths) * self._values(hidden)
        return first, segment_sum(shares, lengths) + self.head.bias

    def _attention(self, hidden: Tensor, lengths: Sequence[int]) -> Tensor:
        critical = segment_argmax(hidden @ self.critical.weight.T, lengths)
        queries = torch.tanh(self.query(hidden))
        likeness = [(queries * to_tiles(queries[critical[:, t]], lengths)).sum(dim=1) for t in range(self.targets)]
        return segment_softmax(torch.stack(likeness, dim=1) / self.attention_width**0.5, lengths)

    def _values(self, hidden: Tensor) -> Tensor:
        return self.value(hidden) @ self.head.weight.T
