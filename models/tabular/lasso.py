"""LASSO logistic regression in a form that merges by averaging and keeps exact zeros.

The loss is the mean class-weighted log loss over a centre's patients plus ``penalty * sum |w|`` (Tibshirani 1996). In a
round of S steps a centre goes from the round's ``w_0`` by dual averaging (Xiao 2010, JMLR 11:2543)::

    z_k = w_0 - rate * (gradient(w_0) + ... + gradient(w_k-1)),    w_k = soft(z_k, rate * k * penalty)

where ``soft`` moves every coefficient towards zero by the threshold and sets those below it to exactly zero. One step
is that of ISTA (Daubechies et al. 2004). What travels and is merged is ``z_S``, *before* the threshold, and beside it
the threshold ``rate * S * penalty``; the merged coefficients are ``soft(mean of z, mean of thresholds)``. So

- the merged model has exact zeros: a column stays zero unless its gradient *over all centres* exceeds the penalty. An
  average of the centres' ``w`` would have a coefficient wherever any one centre has one (the "curse of primal
  averaging" of Yuan, Zaheer and Reddi 2021, Federated composite optimization, ICML, whose remedy this is, begun afresh
  at every merge);
- merging after every step, weighted by patients, is exactly ISTA on all centres' patients together, if each weighs
  the classes alike; with more steps between merges centres drift apart as in federated averaging;
- every merge rule works on it, for ``z`` is as ordinary as an MLP's weights.

A model file holds ``z`` and threshold too (so that its root is the chain's); its coefficients are ``coefficients``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from models.learner import State, TrainResult
from models.training import check_ranges, class_weights, known_labels, one_thread
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from models.tabular.cohort import TableCohort

BIAS_RATE = 2.0
"""Step along the bias' gradient; its curvature is at most 1/4, whatever the data."""


@dataclass(frozen=True)
class LassoHyperparameters:
    """How a LASSO trains; the members of a swarm agree on them.

    Attributes
    ----------
    scaling
        Of the table; see ``models.tabular.scaling``. Columns should be of one size and centred: ``zscore`` or ``rank``.
    penalty
        Times the sum of magnitudes of the coefficients; the greater, the fewer columns are used.
    learning_rate
        Length of a step. 1 is safe for columns of mean square 1, however they depend on each other; more is faster.
    max_class_weight
        Cap of the weight of the rarer class.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    scaling: str = "zscore"
    penalty: float = 0.01
    learning_rate: float = 1.0
    max_class_weight: float = 10.0

    def __post_init__(self) -> None:
        check_ranges(self, (("penalty", 0.0, 100.0), ("learning_rate", 1e-6, 1e4), ("max_class_weight", 1.0, 1e6)))

    def rate(self, columns: int) -> float:
        """Return the step along a coefficient's gradient, given how many columns there are."""
        return BIAS_RATE * self.learning_rate / columns

    def threshold(self, columns: int, steps: int) -> float:
        """Return what so many steps draw every coefficient towards zero by."""
        return self.rate(columns) * steps * self.penalty

    def first_state(self, columns: int, targets: int, seed: int, steps: int = 0) -> State:
        """Return the first weights of a model; with the threshold of ``steps`` steps, which then need not change."""
        state = {name: np.zeros(shape, np.float32) for name, shape in shapes(columns, (), targets).items()}
        state["threshold"][:] = self.threshold(columns, steps)
        return state


class LassoLearner:
    """Implements ``models.learner.Learner`` with LASSO logistic regression; every step looks at all patients.

    Nothing is drawn: the seed does not matter, and training starts with all coefficients zero.

    Raises
    ------
    ConfigError
        If the steps are so long that training would diverge on this centre's data.
    """

    def __init__(self, cohort: TableCohort, hyperparameters: LassoHyperparameters | None = None) -> None:
        self.cohort = cohort
        self.hyperparameters = hyperparameters or LassoHyperparameters(scaling=cohort.scaling)
        weights = class_weights(cohort.labels, self.hyperparameters.max_class_weight)
        labels, weight, _ = known_labels(cohort.labels, weights)
        known = np.maximum((~np.isnan(cohort.labels)).sum(axis=0), 1)
        self._values = torch.from_numpy(cohort.values)
        self._labels = torch.from_numpy(labels)
        self._weight = torch.from_numpy((weight / known).astype(np.float32))
        self._check_step()

    @property
    def n_patients(self) -> int:
        """Patients that take part in training."""
        return len(self.cohort.patients)

    @property
    def steps_per_epoch(self) -> int:
        """One: a step looks at every patient."""
        return 1

    def initial_state(self, seed: int) -> State:
        """Return zeros."""
        return self.hyperparameters.first_state(len(self.cohort.columns), len(self.cohort.targets), seed)

    def train(self, state: State, round_index: int, rounds: int, steps: int, seed: int) -> TrainResult:
        """Take ``steps`` steps from ``state``; see ``models.learner.Learner.train``."""
        h, columns = self.hyperparameters, len(self.cohort.columns)
        rate = h.rate(columns)
        losses: list[float] = []
        with one_thread(), torch.inference_mode():
            z = torch.from_numpy(coefficients(state))
            w = z
            bias = torch.from_numpy(np.array(state["bias"]))
            for step in range(1, steps + 1):
                logits_ = self._values @ w.T + bias
                error = self._weight * (torch.sigmoid(logits_) - self._labels)
                losses.append(self._loss(logits_, w).item())
                z = z - rate * (error.T @ self._values)
                w = _soft(z, h.threshold(columns, step))
                bias = bias - BIAS_RATE * error.sum(dim=0)
        threshold = np.array([h.threshold(columns, steps)], np.float32)
        trained = {"weight": z.numpy().copy(), "threshold": threshold, "bias": bias.numpy().copy()}
        return TrainResult(trained, float(np.mean(losses)) if losses else math.nan, steps)

    def _loss(self, logits_: Tensor, w: Tensor) -> Tensor:
        data = torch.nn.functional.binary_cross_entropy_with_logits(
            logits_, self._labels, self._weight, reduction="sum"
        )
        return data + self.hyperparameters.penalty * w.abs().sum()

    def _check_step(self) -> None:
        """Refuse steps with which even full batches diverge: a curvature times a rate above 2.

        The log loss' curvature is at most 1/4 of that of least squares; both are looked at in coordinates in which
        all rates are ``BIAS_RATE``.
        """
        h, columns = self.hyperparameters, len(self.cohort.columns)
        scaled = self._values * (h.rate(columns) / BIAS_RATE) ** 0.5
        ones = torch.ones(len(scaled), 1)
        with one_thread(), torch.inference_mode():
            steepest = max(_top_eigenvalue(torch.cat([scaled, ones], dim=1), weight) for weight in self._weight.T)
            alone = max(_top_eigenvalue(scaled, weight) for weight in self._weight.T)
        if not math.isfinite(steepest) or BIAS_RATE * steepest / 4.0 > 2.0:
            msg = (
                f"the steps of learning_rate {h.learning_rate:g} are too long for this table of {columns} columns with "
                f"the scaling {h.scaling!r}; use learning_rate {2.8 * h.learning_rate / alone:.2g} or less"
            )
            raise ConfigError(msg)


def shapes(columns: int, _: tuple[int, ...], targets: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of each weight; ``weight`` is z, before the threshold."""
    return {"bias": (targets,), "threshold": (1,), "weight": (targets, columns)}


def coefficients(state: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return (targets, columns) float32: the model's coefficients, most of them exactly zero."""
    threshold = max(float(state["threshold"][0]), 0.0)
    return _soft(torch.from_numpy(np.array(state["weight"])), threshold).numpy()


def logits(state: Mapping[str, np.ndarray], values: Tensor) -> Tensor:
    """Return (patients, targets) logits."""
    return values @ torch.from_numpy(coefficients(state)).T + torch.from_numpy(np.array(state["bias"]))


def _soft(z: Tensor, threshold: float) -> Tensor:
    return torch.sign(z) * torch.clamp(z.abs() - threshold, min=0.0)


def _top_eigenvalue(values: Tensor, weight: Tensor) -> float:
    """Largest eigenvalue of values^T diag(weight) values, by power iteration: from below, and close."""
    root = weight.sqrt()
    vector = root / max(root.norm().item(), 1e-30)
    found = 0.0
    for _ in range(30):
        vector = root * (values @ (values.T @ (root * vector)))
        found = vector.norm().item()
        if not found or not math.isfinite(found):
            break
        vector = vector / found
    return found
