"""What a swarm, a study or the local loop knows of a model: a learner that turns weights into better weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

State = dict[str, np.ndarray]
"""Weights: float32 arrays by name."""


@dataclass(frozen=True)
class TrainResult:
    """What one call of ``Learner.train`` gives.

    Attributes
    ----------
    state
        The new weights; the ones passed in are untouched.
    loss
        Mean training loss over the steps.
    steps
        Steps taken.
    """

    state: State
    loss: float
    steps: int


class Learner(Protocol):
    """One centre's data together with a way to learn from them."""

    @property
    def n_patients(self) -> int:
        """Patients that take part in training: the centre's weight in a weighted merge."""
        ...

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which each patient is seen once; at least 1."""
        ...

    def initial_state(self, seed: int) -> State:
        """Draw the first weights from ``seed`` alone: every centre draws the same."""
        ...

    def train(self, state: State, round_index: int, rounds: int, steps: int, seed: int) -> TrainResult:
        """Train ``steps`` steps from ``state``.

        A pure function of its arguments and the learner's data: nothing is kept between calls (the optimiser is
        fresh, the learning rate follows from ``round_index`` of ``rounds``), so a restarted member that trains
        a round again gets identical bytes.
        """
        ...
