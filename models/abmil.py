"""Gated attention multiple-instance learning with a linear head, one attention per target."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence


class MilOutput(NamedTuple):
    """What the network says of one bag of N tiles for T targets."""

    logits: Tensor
    """(T,) log-odds of the positive class."""
    attention: Tensor
    """(T, N) attention; each row is non-negative and sums to 1."""
    hidden: Tensor
    """(N, H) embedded tiles."""


class GatedAttentionMIL(nn.Module):
    """Attention-based deep MIL (Ilse, Tomczak, Welling, ICML 2018, equations 7 and 9) for several targets.

    With tile features ``x_i``, embedding ``h_i = relu(E x_i + e)`` and, for each target t,

    ``a_ti = softmax_i( q_t . (tanh(V_t h_i + v_t) * sigmoid(U_t h_i + u_t)) )``      (equation 9)

    ``logit_t = b_t + sum_i a_ti (w_t . h_i)``                                        (equation 7, then a linear head)

    Because the head is linear, ``a_ti (w_t . h_i)`` is tile i's exact share of the logit; see ``contributions``.

    Parameters
    ----------
    dim_in
        Length D of a tile's feature vector.
    hidden
        Length H of the embedded tile.
    attention
        Width A of each target's gate.
    targets
        Number T of targets.
    dropout
        Share of hidden units left out per bag in training.
    input_dropout
        Share of input features left out per bag in training.
    """

    def __init__(
        self,
        dim_in: int,
        hidden: int,
        attention: int,
        targets: int,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.targets = targets
        self.attention_width = attention
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.embed = nn.Linear(dim_in, hidden)
        self.gate_tanh = nn.Linear(hidden, targets * attention)
        self.gate_sigmoid = nn.Linear(hidden, targets * attention)
        self.score = nn.Parameter(torch.zeros(targets, attention))
        self.head = nn.Linear(hidden, targets)

    def forward(self, bag: Tensor) -> MilOutput:
        """Classify one bag of tiles.

        Parameters
        ----------
        bag
            (N, D) float32, N >= 1.
        """
        hidden = torch.relu(self.embed(bag))
        attention = torch.softmax(self._scores(hidden), dim=0)
        logits = self.head.bias + (attention * self._evidence(hidden)).sum(dim=0)
        return MilOutput(logits, attention.T, hidden)

    def contributions(self, output: MilOutput) -> Tensor:
        """Return (T, N): each tile's signed share of each logit; a row and the head's bias sum to the logit."""
        return output.attention * self._evidence(output.hidden).T

    def forward_bags(self, tiles: Tensor, lengths: Sequence[int], rng: np.random.Generator | None = None) -> Tensor:
        """Classify several bags at once, packed without padding.

        Parameters
        ----------
        tiles
            (sum of lengths, D) float32: the bags one after the other.
        lengths
            Number of tiles of each of the B bags, each at least 1.
        rng
            Source of the dropout masks; None switches dropout off. A mask is drawn per bag, not per tile: noise that
            differs between tiles would average out under attention. It is a numpy generator and not torch's
            global one, so that training neither reads nor moves anything outside its arguments.

        Returns
        -------
        logits
            (B, T)
        """
        if rng is not None:
            tiles = _drop(tiles, lengths, self.input_dropout, rng)
        hidden = torch.relu(self.embed(tiles))
        if rng is not None:
            hidden = _drop(hidden, lengths, self.dropout, rng)
        scores = self._scores(hidden).split(list(lengths))
        evidence = self._evidence(hidden).split(list(lengths))
        pooled = [(torch.softmax(s, dim=0) * e).sum(dim=0) for s, e in zip(scores, evidence, strict=True)]
        return self.head.bias + torch.stack(pooled)

    def _scores(self, hidden: Tensor) -> Tensor:
        """(N, H) -> (N, T) attention logits."""
        gate = torch.tanh(self.gate_tanh(hidden)) * torch.sigmoid(self.gate_sigmoid(hidden))
        return (gate.view(-1, self.targets, self.attention_width) * self.score).sum(dim=2)

    def _evidence(self, hidden: Tensor) -> Tensor:
        """(N, H) -> (N, T): what each tile would say if it were the whole bag, without the bias."""
        return hidden @ self.head.weight.T


def initial_state(dim_in: int, hidden: int, attention: int, targets: int, seed: int) -> dict[str, np.ndarray]:
    """Draw the first weights from numpy's Philox, so that they are the same under every version of torch.

    Every matrix is uniform in +-sqrt(6 / (rows + columns)) (Glorot and Bengio 2010), biases are zero, and the head is
    ten times smaller, so that training starts near probability 1/2 for every target.

    Returns
    -------
    dict
        float32 arrays by the names of ``GatedAttentionMIL.state_dict()``.
    """
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))

    def uniform(rows: int, columns: int, shrink: float = 1.0) -> np.ndarray:
        bound = shrink * (6.0 / (rows + columns)) ** 0.5
        return ((2.0 * rng.random((rows, columns)) - 1.0) * bound).astype(np.float32)

    gates = targets * attention
    return {
        "embed.weight": uniform(hidden, dim_in),
        "embed.bias": np.zeros(hidden, np.float32),
        "gate_tanh.weight": uniform(gates, hidden),
        "gate_tanh.bias": np.zeros(gates, np.float32),
        "gate_sigmoid.weight": uniform(gates, hidden),
        "gate_sigmoid.bias": np.zeros(gates, np.float32),
        "score": uniform(targets, attention),
        "head.weight": uniform(targets, hidden, shrink=0.1),
        "head.bias": np.zeros(targets, np.float32),
    }


def _drop(tiles: Tensor, lengths: Sequence[int], share: float, rng: np.random.Generator) -> Tensor:
    if share == 0.0:
        return tiles
    kept = (rng.random((len(lengths), tiles.shape[1])) >= share).astype(np.float32) / np.float32(1.0 - share)
    return tiles * torch.from_numpy(kept).repeat_interleave(torch.tensor(lengths), dim=0)
