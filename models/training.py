"""What all learners share: mini-batches, class weights, the loss over known labels, the rate's course, one thread."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Rate(Protocol):
    """What ``learning_rate`` reads of a learner's hyperparameters."""

    @property
    def learning_rate(self) -> float: ...  # noqa: D102

    @property
    def warm_up(self) -> float: ...  # noqa: D102


def check_ranges(values: object, ranges: Iterable[tuple[str, float, float]]) -> None:
    """Refuse attributes of ``values`` outside their range (name, lowest, highest).

    Raises
    ------
    ConfigError
        Naming the first.
    """
    for name, low, high in ranges:
        if not low <= getattr(values, name) <= high:
            msg = f"{name} is {getattr(values, name)}; choose a value from {low:g} to {high:g}"
            raise ConfigError(msg)


def class_weights(labels: np.ndarray, cap: float) -> np.ndarray:
    """Return (2, targets) float32: the weight of negatives and of positives, n / (2 n_class), at most ``cap``.

    Both classes then count the same whatever the centre's prevalence, so that centres do not pull the bias apart.
    """
    counts = np.stack([(labels == 0).sum(axis=0), (labels == 1).sum(axis=0)])
    return np.minimum(counts.sum(axis=0) / (2.0 * np.maximum(counts, 1)), cap).astype(np.float32)


def known_labels(labels: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return labels with 0 for unknown, the weight of each (0 for unknown), and how many are known.

    Parameters
    ----------
    labels
        (patients, targets) float32: 1, 0, or NaN for unknown.
    weights
        (2, targets), as ``class_weights`` gives them.
    """
    known = ~np.isnan(labels)
    target = np.where(known, labels, 0.0).astype(np.float32)
    weight = np.where(known, np.where(target == 1, weights[1], weights[0]), 0.0).astype(np.float32)
    return target, weight, int(known.sum())


def masked_loss(logits: Tensor, labels: np.ndarray, weights: np.ndarray) -> Tensor:
    """Class-weighted binary cross-entropy over the known labels of a batch; 0 where none is known."""
    target, weight, known = known_labels(labels, weights)
    total = F.binary_cross_entropy_with_logits(
        logits, torch.from_numpy(target).to(logits.device), torch.from_numpy(weight).to(logits.device), reduction="sum"
    )
    return total / max(known, 1)


def proximal_loss(parameters: Iterable[Tensor], anchor: Iterable[Tensor], strength: float) -> Tensor:
    """Return ``strength / 2 * |w - w_round|^2``, which holds a centre near the round's base model.

    FedProx: Li et al. 2020, Federated optimization in heterogeneous networks, MLSys.
    """
    squares = [(value - start).square().sum() for value, start in zip(parameters, anchor, strict=True)]
    return 0.5 * strength * torch.stack(squares).sum()


def learning_rate(hyperparameters: Rate, done: float) -> float:
    """Rate when the share ``done`` (0 to 1) of the whole training is over: linear warm-up, then half a cosine."""
    h = hyperparameters
    if done < h.warm_up:
        return h.learning_rate * (0.1 + 0.9 * done / h.warm_up)
    return h.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (done - h.warm_up) / (1.0 - h.warm_up)))


def batches(patients: int, batch: int, steps: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield ``steps`` arrays of patients: seeded permutations one after the other."""
    queue = np.empty(0, np.int64)
    size = min(batch, patients)
    for _ in range(steps):
        while len(queue) < size:
            queue = np.concatenate([queue, rng.permutation(patients)])
        yield queue[:size]
        queue = queue[size:]


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread: bags are small, and the order of additions then depends on nothing outside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
