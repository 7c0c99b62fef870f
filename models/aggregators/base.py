"""What every aggregator is: packed bags of tiles in, one logit per bag and target out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from models.aggregators.segments import drop
from models.training import masked_loss

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class MilOutput(NamedTuple):
    """What an aggregator that can explain itself says of one bag of N tiles for T targets."""

    logits: Tensor
    """(T,) log-odds of the positive class."""
    attention: Tensor
    """(T, N) weights of the tiles; each row is non-negative and sums to 1."""
    hidden: Tensor
    """(N, H) embedded tiles."""


class Aggregator(nn.Module):
    """A bag classifier for T targets.

    Subclasses implement ``add_layers`` and ``forward_bags``; those that set ``explains`` also ``forward``,
    ``contributions`` and ``bias``.

    Parameters
    ----------
    dim_in
        Length D of a tile's feature vector.
    hidden
        Length H of the embedded tile.
    attention
        Width A of an attention gate or query; unused where there is none.
    targets
        Number T of targets.
    dropout
        Share of hidden units left out per bag in training.
    input_dropout
        Share of input features left out per bag in training.
    """

    explains: ClassVar[bool] = False
    """Whether each logit is exactly ``bias`` plus one share per tile."""
    by_tile: ClassVar[bool] = False
    """Whether training takes single tiles with their patient's label, and not bags."""

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
        self.dim_in = dim_in
        self.hidden = hidden
        self.attention_width = attention
        self.targets = targets
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.add_layers()

    def add_layers(self) -> None:
        """Add the layers, in the order in which their first weights are drawn."""
        raise TypeError(f"{type(self).__name__} has no add_layers")

    def forward_bags(self, tiles: Tensor, lengths: Sequence[int], rng: np.random.Generator | None = None) -> Tensor:
        """Classify several bags at once, packed without padding.

        Parameters
        ----------
        tiles
            (sum of lengths, D): the bags one after the other.
        lengths
            Number of tiles of each of the B bags, each at least 1.
        rng
            Source of the dropout masks, one per bag; None switches dropout off.

        Returns
        -------
        logits
            (B, T)
        """
        raise TypeError(f"{type(self).__name__} has no forward_bags")

    def loss(
        self,
        tiles: Tensor,
        lengths: Sequence[int],
        labels: np.ndarray,
        weights: np.ndarray,
        rng: np.random.Generator | None = None,
    ) -> Tensor:
        """Return the training loss of packed bags: class-weighted cross-entropy over the known labels.

        Parameters
        ----------
        tiles, lengths, rng
            As for ``forward_bags``.
        labels
            (B, T) float32: 1, 0, or NaN for unknown.
        weights
            (2, T) weights of negatives and positives, as ``models.training.class_weights`` gives them.
        """
        return masked_loss(self.forward_bags(tiles, lengths, rng).float(), labels, weights)

    def predict(self, tiles: Tensor, lengths: Sequence[int]) -> Tensor:
        """(B, T) float64: probability of the positive class."""
        return torch.sigmoid(self.forward_bags(tiles, lengths).double())

    def forward(self, bag: Tensor) -> MilOutput:
        """Classify one bag (N, D) and say how much each tile weighs."""
        raise TypeError(f"{type(self).__name__} cannot explain itself")

    def contributions(self, output: MilOutput) -> Tensor:
        """(T, N): each tile's signed share of each logit; a row and ``bias`` sum to the logit."""
        raise TypeError(f"{type(self).__name__} cannot explain itself")

    @property
    def bias(self) -> Tensor:
        """(T,): what the logits are without any tile."""
        raise TypeError(f"{type(self).__name__} cannot explain itself")

    def first_state(self, seed: int) -> dict[str, np.ndarray]:
        """Draw the first weights from numpy's Philox, so that they are the same under every version of torch.

        Matrices are uniform in +-sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010), biases zero, scales of
        normalisations one, and every head ten times smaller, so that training starts near probability 1/2.
        """
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
        return {name: _drawn(name, shape, rng) for name, shape in self.drawing_order()}

    def drawing_order(self) -> Iterable[tuple[str, tuple[int, ...]]]:
        """Names and shapes of the weights in the order in which they are drawn."""
        return [(name, tuple(value.shape)) for name, value in self.named_parameters()]


class EmbeddingAggregator(Aggregator):
    """An aggregator that first embeds each tile by itself: ``h_i = relu(E x_i + e)``."""

    def add_layers(self) -> None:
        """Add the embedding."""
        self.embed = nn.Linear(self.dim_in, self.hidden)

    def embedded(self, tiles: Tensor, lengths: Sequence[int], rng: np.random.Generator | None) -> Tensor:
        """Return (sum of lengths, H) embedded tiles, after both dropouts."""
        hidden = torch.relu(self.embed(drop(tiles, lengths, self.input_dropout, rng)))
        return drop(hidden, lengths, self.dropout, rng)


def _drawn(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if name.endswith("bias"):
        return np.zeros(shape, np.float32)
    if len(shape) == 1:
        return np.ones(shape, np.float32)
    area = int(np.prod(shape[2:]))
    bound = (6.0 / ((shape[0] + shape[1]) * area)) ** 0.5
    shrink = 0.1 if name.split(".")[-2:-1] == ["head"] else 1.0
    return ((2.0 * rng.random(shape) - 1.0) * (shrink * bound)).astype(np.float32)
