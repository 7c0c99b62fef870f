"""Mean pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.aggregators.pooling import WeightedPooling
from models.aggregators.segments import to_tiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class MeanMIL(WeightedPooling):
    """Every tile counts the same: ``a_ti = 1 / N``, hence ``logit_t = b_t + w_t . mean_i h_i``."""

    def weights_of(self, hidden: Tensor, evidence: Tensor, lengths: Sequence[int]) -> Tensor:
        """One over the bag's length."""
        share = evidence.new_tensor([[1.0 / length] for length in lengths])
        return to_tiles(share, lengths).expand_as(evidence)
