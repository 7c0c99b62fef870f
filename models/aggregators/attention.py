"""Attention pooling without gate."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.aggregators.pooling import AttentionPooling


class AttentionMIL(AttentionPooling):
    """Attention-based deep MIL (Ilse, Tomczak, Welling, ICML 2018, equations 7 and 8), one attention per target.

    ``a_ti = softmax_i( q_t . tanh(V_t h_i + v_t) )``      (equation 8)
    """

    def add_gate(self) -> None:
        """Add the matrices V and the queries q of all targets."""
        self.gate_tanh = nn.Linear(self.hidden, self.targets * self.attention_width)
        self.score = nn.Parameter(torch.zeros(self.targets, self.attention_width))

    def scores(self, hidden: Tensor) -> Tensor:
        """(N, H) -> (N, T) attention logits."""
        raised = torch.tanh(self.gate_tanh(hidden)).view(-1, self.targets, self.attention_width)
        return (raised * self.score).sum(dim=2)
