"""Tiles taken away in order of relevance, and what becomes of the prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from heatmaps.methods.bags import ROWS
from models.training import one_thread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from models.model_file import Model

STEPS = 100
"""Steps of a curve: 1 % of the tiles each, or one tile where a slide has fewer."""


@dataclass(frozen=True)
class Perturbation:
    """What one order of one slide's tiles did.

    Attributes
    ----------
    most_first, least_first : (S + 1,) float64
        Probability of the explained class after each step, tiles taken away most relevant first (MoRF) and least
        relevant first (LeRF); the first value is that of the whole slide, the last that of nothing.
    """

    most_first: NDArray[np.float64]
    least_first: NDArray[np.float64]

    @property
    def deletion(self) -> float:
        """Area under the perturbation curve (AUPC), most relevant first: lower is truer."""
        return float(self.most_first.mean())

    @property
    def insertion(self) -> float:
        """Area under the insertion curve: higher is truer.

        Tiles put in most relevant first leave out the least relevant ones, so that this curve is ``least_first`` read
        backwards, and has the same mean.
        """
        return float(self.least_first.mean())

    @property
    def gain(self) -> float:
        """Symmetric relevance gain: ``mean(LeRF - MoRF)``; 0 for an order that says nothing."""
        return float((self.least_first - self.most_first).mean())


class Perturber:
    """Takes tiles of one slide away and predicts what is left.

    Parameters
    ----------
    model : Model
    vectors : (N, D)
        Features of the slide.
    target : int
        Index of the model's target.
    positive : bool
        Whether the explained class is the positive one; else it is the other, with probability ``1 - p``.
    """

    def __init__(self, model: Model, vectors: NDArray[np.floating], target: int, positive: bool) -> None:
        self._network = model.network()
        self._tiles = torch.from_numpy(vectors.astype(np.float32))
        self._target, self._positive = target, positive

    def curves(self, relevance: NDArray[np.float64]) -> Perturbation:
        """Return the curves of one relevance (N,), larger meaning more for the explained class; ties in file order."""
        order = np.argsort(-relevance, kind="stable")
        return Perturbation(self._curve(order), self._curve(order[::-1]))

    def without(self, gone: NDArray[np.bool_]) -> float:
        """Return the probability of the explained class without the tiles marked (N,)."""
        return float(self._probabilities([np.flatnonzero(~gone)])[0])

    def _curve(self, order: NDArray[np.int64]) -> NDArray[np.float64]:
        steps = min(STEPS, len(order))
        cuts = np.rint(np.arange(steps + 1) * len(order) / steps).astype(int)
        # Kept tiles stay in the order of the file, as they do where a slide is predicted.
        return self._probabilities([np.sort(order[cut:]) for cut in cuts])

    def _probabilities(self, kept: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
        found = []
        with one_thread(), torch.inference_mode():
            for bags in _packed(self._bag(rows) for rows in kept):
                found.append(self._network.predict(torch.cat(bags), [len(bag) for bag in bags])[:, self._target])
        values = torch.cat(found).numpy()
        return values if self._positive else 1.0 - values

    def _bag(self, rows: NDArray[np.int64]) -> torch.Tensor:
        # A bag without tiles is, as in xMIL, one whose every feature is 0.
        return self._tiles[torch.from_numpy(rows)] if len(rows) else torch.zeros_like(self._tiles[:1])


def _packed(bags: Iterable[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    waiting: list[torch.Tensor] = []
    for bag in bags:
        if waiting and sum(map(len, waiting)) + len(bag) > ROWS:
            yield waiting
            waiting = []
        waiting.append(bag)
    yield waiting
