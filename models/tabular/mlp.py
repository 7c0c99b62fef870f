"""A multilayer perceptron on a table's rows; as a preset that of Warnat-Herresthal et al. 2021 (Nature 594:265)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F

from models.learner import State, TrainResult
from models.training import batches, check_ranges, class_weights, learning_rate, masked_loss, one_thread, proximal_loss
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from models.tabular.cohort import TableCohort

PRESETS: dict[str, dict[str, Any]] = {
    "small": {},
    "warnat2021": {
        "hidden": "256,1024,512,512,256,256,128,128,64",
        "first_dropout": 0.4,
        "dropout": 0.3,
        "l2": 0.005,
        "weight_decay": 0.0,
        "input_dropout": 0.0,
        "batch_patients": 512,
        "warm_up": 0.0,
    },
}
"""Settings by name. ``warnat2021``: nine layers, dropout .4 after the first and .3 after the others, squared weights
times .005 in the loss, batches of 512. The rate falls by half a cosine here; the optimiser starts afresh each round.
Made for thousands of columns of which many differ: where few do, the penalty wins and it says the same of everybody."""


@dataclass(frozen=True)
class MlpHyperparameters:
    """How an MLP is made and trains; the members of a swarm agree on them.

    Attributes
    ----------
    scaling
        Of the table; see ``models.tabular.scaling``.
    hidden
        Widths of the hidden layers, joined by commas.
    learning_rate
        Highest rate of AdamW, reached after the warm-up.
    weight_decay
        Decoupled weight decay of the matrices.
    l2
        Times the squared matrices in the loss.
    batch_patients
        Patients per step.
    input_dropout, first_dropout, dropout
        Shares left out of the input, of the first hidden layer and of the others.
    warm_up
        Share of the whole training over which the rate rises.
    max_class_weight
        Cap of the weight of the rarer class.
    proximal
        FedProx's mu; 0 = off.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    scaling: str = "zscore"
    hidden: str = "64"
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    l2: float = 0.0
    batch_patients: int = 16
    input_dropout: float = 0.2
    first_dropout: float = 0.3
    dropout: float = 0.3
    warm_up: float = 0.05
    max_class_weight: float = 10.0
    proximal: float = 0.0

    def __post_init__(self) -> None:
        ranges = (
            ("learning_rate", 1e-8, 1.0),
            ("weight_decay", 0.0, 10.0),
            ("l2", 0.0, 10.0),
            ("batch_patients", 1, 100_000),
            ("input_dropout", 0.0, 0.95),
            ("first_dropout", 0.0, 0.95),
            ("dropout", 0.0, 0.95),
            ("warm_up", 0.0, 0.9),
            ("max_class_weight", 1.0, 1e6),
            ("proximal", 0.0, 1e6),
        )
        check_ranges(self, ranges)
        _ = self.widths

    @classmethod
    def preset(cls, name: str) -> MlpHyperparameters:
        """Return a preset's settings; raises ``ConfigError`` if there is none of this name."""
        if name not in PRESETS:
            msg = f"there is no preset {name!r} of the MLP; choose {' or '.join(PRESETS)}"
            raise ConfigError(msg)
        return replace(cls(), **PRESETS[name])

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of the hidden layers; none is logistic regression."""
        words = [word.strip() for word in self.hidden.split(",")] if self.hidden.strip() else []
        if not all(word.isdecimal() and 1 <= int(word) <= 1_000_000 for word in words):
            msg = f"hidden is {self.hidden!r}; write the layers' widths joined by commas, for instance '256,64'"
            raise ConfigError(msg)
        return tuple(int(word) for word in words)

    def first_state(self, columns: int, targets: int, seed: int, steps: int = 0) -> State:
        """Return the first weights of a model for so many columns and targets, however many steps a round has."""
        return initial_state(columns, self.widths, targets, seed)


class MlpLearner:
    """Implements ``models.learner.Learner`` with an MLP; one network for all targets.

    Training repeats bit for bit on one machine and one build of torch, as ``models.mil_learner.MilLearner``'s does.
    """

    def __init__(self, cohort: TableCohort, hyperparameters: MlpHyperparameters | None = None) -> None:
        self.cohort = cohort
        self.hyperparameters = hyperparameters or MlpHyperparameters(scaling=cohort.scaling)
        self._values = torch.from_numpy(cohort.values)
        self._weights = class_weights(cohort.labels, self.hyperparameters.max_class_weight)

    @property
    def n_patients(self) -> int:
        """Patients that take part in training."""
        return len(self.cohort.patients)

    @property
    def steps_per_epoch(self) -> int:
        """Mini-batches in which each patient is seen once."""
        return math.ceil(self.n_patients / self.hyperparameters.batch_patients)

    def initial_state(self, seed: int) -> State:
        """Draw the first weights; a function of ``seed`` and the measures alone."""
        return self.hyperparameters.first_state(len(self.cohort.columns), len(self.cohort.targets), seed)

    def train(self, state: State, round_index: int, rounds: int, steps: int, seed: int) -> TrainResult:
        """Train ``steps`` mini-batches from ``state``; see ``models.learner.Learner.train``."""
        h = self.hyperparameters
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, round_index])))
        losses: list[float] = []
        with one_thread():
            weights = {name: torch.from_numpy(np.array(value)).requires_grad_() for name, value in state.items()}
            anchor = [value.detach().clone() for value in weights.values()]
            matrices = [value for name, value in weights.items() if name.endswith("weight")]
            biases = [value for name, value in weights.items() if name.endswith("bias")]
            groups = [{"params": matrices, "weight_decay": h.weight_decay}, {"params": biases, "weight_decay": 0.0}]
            optimiser = torch.optim.AdamW(groups, lr=h.learning_rate)
            for step, chosen in enumerate(batches(self.n_patients, h.batch_patients, steps, rng)):
                for group in optimiser.param_groups:
                    group["lr"] = learning_rate(h, (round_index + step / steps) / rounds)
                out = _forward(weights, self._values[torch.from_numpy(chosen)], h, rng)
                loss = masked_loss(out, self.cohort.labels[chosen], self._weights)
                losses.append(loss.item())
                if h.l2:
                    loss = loss + h.l2 * torch.stack([value.square().sum() for value in matrices]).sum()
                if h.proximal:
                    loss = loss + proximal_loss(weights.values(), anchor, h.proximal)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        trained = {name: value.detach().numpy().copy() for name, value in weights.items()}
        return TrainResult(trained, float(np.mean(losses)) if losses else math.nan, steps)


def shapes(columns: int, hidden: tuple[int, ...], targets: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of each weight."""
    found: dict[str, tuple[int, ...]] = {}
    for layer, (wide, narrow) in enumerate(pairwise((columns, *hidden, targets))):
        found[f"layer{layer}.weight"] = (narrow, wide)
        found[f"layer{layer}.bias"] = (narrow,)
    return found


def initial_state(columns: int, hidden: tuple[int, ...], targets: int, seed: int) -> State:
    """Draw the first weights from numpy's Philox: matrices uniform after Glorot and Bengio 2010, biases zero."""
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
    state: State = {}
    for name, shape in shapes(columns, hidden, targets).items():
        if len(shape) == 1:
            state[name] = np.zeros(shape, np.float32)
            continue
        state[name] = ((2.0 * rng.random(shape) - 1.0) * (6.0 / sum(shape)) ** 0.5).astype(np.float32)
    return state


def logits(state: Mapping[str, np.ndarray], values: Tensor) -> Tensor:
    """Return (patients, targets) logits."""
    return _forward({name: torch.from_numpy(np.array(value)) for name, value in state.items()}, values)


def _forward(
    weights: Mapping[str, Tensor],
    values: Tensor,
    h: MlpHyperparameters | None = None,
    rng: np.random.Generator | None = None,
) -> Tensor:
    last = len(weights) // 2 - 1
    for layer in range(last + 1):
        if h is not None and rng is not None:
            values = _drop(values, (h.input_dropout, h.first_dropout, h.dropout)[min(layer, 2)], rng)
        values = F.linear(values, weights[f"layer{layer}.weight"], weights[f"layer{layer}.bias"])
        if layer < last:
            values = torch.relu(values)
    return values


def _drop(values: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    if share == 0.0:
        return values
    kept = (rng.random(values.shape, np.float32) >= share).astype(np.float32) / np.float32(1.0 - share)
    return values * torch.from_numpy(kept)
