"""Max pooling of the tiles' logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.aggregators.pooling import WeightedPooling
from models.aggregators.segments import segment_argmax

if TYPE_CHECKING:
    from collections.abc import Sequence


class MaxMIL(WeightedPooling):
    """The most positive tile decides: ``logit_t = b_t + max_i w_t . h_i``.

    The standard assumption of multiple-instance learning, a bag is positive if one tile is (Dietterich et al. 1997,
    Artificial Intelligence 89:31), as a network: mi-Net with max pooling (Wang et al. 2018, Pattern Recognition 74:15).
    """

    def weights_of(self, hidden: Tensor, evidence: Tensor, lengths: Sequence[int]) -> Tensor:
        """One for the tile with the largest evidence, the first of equals, and zero for the others."""
        return torch.zeros_like(evidence).scatter(0, segment_argmax(evidence, lengths), 1.0)
