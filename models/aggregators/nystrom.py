"""Self-attention approximated by landmarks, in time and memory linear in the length."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.aggregators.transformer import HEADS, heads_of

ITERATIONS = 6
"""Of the pseudo-inverse."""

KERNEL = 33
"""Width of the depthwise convolution over the values, which is added to the result."""


class NystromAttention(nn.Module):
    """Nystrom self-attention (Xiong et al., AAAI 2021, equations 13 and 14) with 8 heads, as TransMIL uses it.

    With landmarks ``q~, k~``: means of ``L / m`` neighbours in the sequence, and row-wise softmax s over scaled
    products:

    ``s(q k~^T)  pinv( s(q~ k~^T) )  s(q~ k^T)  v  +  depthwise convolution of v``

    The sequence is filled up in front with zeros to a multiple of the number of landmarks m = H / 2.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.landmarks = hidden // 2
        self.scale = (hidden // HEADS) ** -0.5
        self.qkv = nn.Linear(hidden, 3 * hidden, bias=False)
        self.out = nn.Linear(hidden, hidden)
        self.local = nn.Conv2d(HEADS, HEADS, (KERNEL, 1), padding=(KERNEL // 2, 0), groups=HEADS, bias=False)

    def forward(self, sequence: Tensor) -> Tensor:
        """(L, H) -> (L, H)."""
        length = len(sequence)
        m = self.landmarks
        filled = F.pad(sequence, (0, 0, -length % m, 0))
        q, k, v = heads_of(self.qkv(filled))
        q = q * self.scale
        per = filled.shape[0] // m
        q_marks, k_marks = (x.unflatten(2, (m, per)).mean(dim=3) for x in (q, k))
        to_marks = torch.softmax(q @ k_marks.transpose(-1, -2), dim=-1)
        between = torch.softmax(q_marks @ k_marks.transpose(-1, -2), dim=-1)
        from_marks = torch.softmax(q_marks @ k.transpose(-1, -2), dim=-1)
        read = (to_marks @ _pinv(between)) @ (from_marks @ v) + self.local(v)
        merged = read[0].transpose(0, 1).reshape(filled.shape[0], -1)
        return self.out(merged)[-length:]


def _pinv(matrix: Tensor) -> Tensor:
    """Moore-Penrose inverse of (.., m, m) by the iteration of Razavi et al. (2014), as in Xiong et al., equation 11."""
    size = matrix.abs()
    start = size.sum(dim=-1).amax() * size.sum(dim=-2).amax()
    inverse = matrix.transpose(-1, -2) / start
    one = torch.eye(matrix.shape[-1], device=matrix.device, dtype=matrix.dtype)
    for _ in range(ITERATIONS):
        product = matrix @ inverse
        inverse = 0.25 * inverse @ (13 * one - product @ (15 * one - product @ (7 * one - product)))
    return inverse
