"""CLAM with a single attention branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.aggregators.pooling import AttentionPooling
from models.training import masked_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLED = 8
"""Tiles with the highest, and with the lowest attention that the clustering looks at."""

BAG_SHARE = 0.7
"""Weight of the bag's loss; the rest is the clustering's."""


class ClamSB(AttentionPooling):
    """Clustering-constrained attention MIL, single branch (Lu et al. 2021, Nature Biomedical Engineering 5:555).

    One gated attention shared by all targets, ``a_i = softmax_i( q . (tanh(V h_i + v) * sigmoid(U h_i + u)) )``, and a
    linear head. In training a second loss asks that the tiles of highest and of lowest attention can be told apart: for
    target t with label y, two-class classifier ``c_ty`` is to say "in the class" of the B most and "not in the class"
    of the B least attended tiles (cross-entropy, B = 8 or half of a smaller bag). The loss is ``0.7 bag + 0.3
    clustering``. Prediction ignores the classifiers.
    """

    def add_gate(self) -> None:
        """Add the shared gate and two tile classifiers per target, one per label."""
        self.gate_tanh = nn.Linear(self.hidden, self.attention_width)
        self.gate_sigmoid = nn.Linear(self.hidden, self.attention_width)
        self.score = nn.Parameter(torch.zeros(1, self.attention_width))
        self.clusters = nn.Linear(self.hidden, self.targets * 2 * 2)

    def scores(self, hidden: Tensor) -> Tensor:
        """(N, H) -> (N, T) attention logits, the same for every target."""
        gate = torch.tanh(self.gate_tanh(hidden)) * torch.sigmoid(self.gate_sigmoid(hidden))
        return (gate * self.score).sum(dim=1, keepdim=True).expand(-1, self.targets)

    def loss(
        self,
        tiles: Tensor,
        lengths: Sequence[int],
        labels: np.ndarray,
        weights: np.ndarray,
        rng: np.random.Generator | None = None,
    ) -> Tensor:
        """Return the weighted sum of the bags' and the clustering's loss; see ``Aggregator.loss``."""
        hidden = self.embedded(tiles, lengths, rng)
        of_bags = masked_loss(self.pooled(hidden, lengths).float(), labels, weights)
        scores = self.scores(hidden)[:, 0].detach()
        parts = zip(hidden.split(list(lengths)), scores.split(list(lengths)), labels, strict=True)
        clustering = [one for h, s, row in parts for one in self._clustering(h, s, row)]
        if not clustering:
            return of_bags
        return BAG_SHARE * of_bags + (1.0 - BAG_SHARE) * torch.stack(clustering).mean()

    def _clustering(self, hidden: Tensor, scores: Tensor, labels: np.ndarray) -> list[Tensor]:
        """One cross-entropy per known label of one bag; none for a bag of a single tile."""
        sampled = min(SAMPLED, len(hidden) // 2)
        known = np.flatnonzero(~np.isnan(labels))
        if sampled == 0:
            return []
        order = torch.argsort(scores, descending=True, stable=True)
        chosen = hidden[torch.cat([order[:sampled], order[-sampled:]])]
        said = self.clusters(chosen).float().view(-1, self.targets, 2, 2)
        wanted = torch.tensor([1] * sampled + [0] * sampled, device=hidden.device)
        return [F.cross_entropy(said[:, t, int(labels[t])], wanted) for t in known]
