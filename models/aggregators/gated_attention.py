"""Gated attention multiple-instance learning with a linear head, one attention per target: the default."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from models.aggregators.pooling import AttentionPooling

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np


class GatedAttentionMIL(AttentionPooling):
    """Attention-based deep MIL (Ilse, Tomczak, Welling, ICML 2018, equations 7 and 9) for several targets.

    With tile features ``x_i``, embedding ``h_i = relu(E x_i + e)`` and, for each target t,

    ``a_ti = softmax_i( q_t . (tanh(V_t h_i + v_t) * sigmoid(U_t h_i + u_t)) )``      (equation 9)

    ``logit_t = b_t + sum_i a_ti (w_t . h_i)``                                        (equation 7, then a linear head)
    """

    def add_gate(self) -> None:
        """Add the gates V and U and the queries q of all targets."""
        self.gate_tanh = nn.Linear(self.hidden, self.targets * self.attention_width)
        self.gate_sigmoid = nn.Linear(self.hidden, self.targets * self.attention_width)
        self.score = nn.Parameter(torch.zeros(self.targets, self.attention_width))

    def scores(self, hidden: Tensor) -> Tensor:
        """(N, H) -> (N, T) attention logits."""
        gate = torch.tanh(self.gate_tanh(hidden)) * torch.sigmoid(self.gate_sigmoid(hidden))
        return (gate.view(-1, self.targets, self.attention_width) * self.score).sum(dim=2)

    def drawing_order(self) -> Iterable[tuple[str, tuple[int, ...]]]:
        """Draw the queries before the head: the order of the first models, whose members drew in it."""
        shapes = dict(super().drawing_order())
        order = [name for name in shapes if name not in {"score", "head.weight", "head.bias"}]
        return [(name, shapes[name]) for name in (*order, "score", "head.weight", "head.bias")]


def initial_state(dim_in: int, hidden: int, attention: int, targets: int, seed: int) -> dict[str, np.ndarray]:
    """Return first weights of a gated attention model; see ``Aggregator.first_state``."""
    with torch.device("meta"):
        return GatedAttentionMIL(dim_in, hidden, attention, targets).first_state(seed)
