"""The tile classifier of the swarm-learning histopathology paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.aggregators.base import Aggregator
from models.aggregators.segments import drop, segment_mean
from models.training import masked_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

WIDTHS = (512, 256, 256, 128)
"""Hidden layers; with 512 features and two classes the network is 512-512-256-256-128-2."""

_NEVER_CERTAIN = 1e-12
"""Log-odds of a mean probability stay finite."""


class TileMLP(Aggregator):
    """Each tile learns its patient's label; a patient's probability is the mean of the tiles' (Saldanha et al. 2022).

    Saldanha et al., Nature Medicine 28:1232. Fully connected layers D-512-256-256-128-2 with ReLU; the two outputs of
    each target are a softmax, so that ``logit_t = o_t1 - o_t0`` of a tile. The widths are the paper's, whatever
    ``hidden`` says. The mean of probabilities is no sum in the logit: this aggregator gives no exact shares.
    """

    by_tile = True

    def add_layers(self) -> None:
        """Add the layers and two outputs per target."""
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip((self.dim_in, *WIDTHS), WIDTHS, strict=False))
        self.head = nn.Linear(WIDTHS[-1], 2 * self.targets)

    def forward_bags(self, tiles: Tensor, lengths: Sequence[int], rng: np.random.Generator | None = None) -> Tensor:
        """Return the log-odds of each bag's mean probability; see ``Aggregator.forward_bags``."""
        probabilities = torch.sigmoid(self._tile_logits(tiles, lengths, rng).double())
        mean = segment_mean(probabilities, lengths).clamp(_NEVER_CERTAIN, 1.0 - _NEVER_CERTAIN)
        return torch.logit(mean)

    def loss(
        self,
        tiles: Tensor,
        lengths: Sequence[int],
        labels: np.ndarray,
        weights: np.ndarray,
        rng: np.random.Generator | None = None,
    ) -> Tensor:
        """Cross-entropy of every tile against its bag's label."""
        logits = self._tile_logits(tiles, lengths, rng).float()
        return masked_loss(logits, labels.repeat(list(lengths), axis=0), weights)

    def _tile_logits(self, tiles: Tensor, lengths: Sequence[int], rng: np.random.Generator | None) -> Tensor:
        hidden = drop(tiles, lengths, self.input_dropout, rng)
        for layer in self.layers:
            hidden = drop(torch.relu(layer(hidden)), lengths, self.dropout, rng)
        pairs = self.head(hidden).view(-1, self.targets, 2)
        return pairs[:, :, 1] - pairs[:, :, 0]
