"""The MIL learner: gated attention MIL on one centre's patients, trained by pure rounds of AdamW."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models.abmil import GatedAttentionMIL, initial_state
from models.bags import data_sha256, label_matrix, load_bag
from models.learner import State, TrainResult
from models.model_file import ModelSpec
from pipelines.errors import ConfigError
from pipelines.progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.bags import Bag
    from models.cohort import Cohort


@dataclass(frozen=True)
class Hyperparameters:
    """How a MIL learner trains; the members of a swarm agree on them.

    Attributes
    ----------
    learning_rate
        Highest rate of AdamW, reached after the warm-up.
    weight_decay
        Decoupled weight decay of the matrices; biases are not decayed.
    batch_patients
        Patients per step.
    bag_tiles
        Tiles per patient and step, the same cap for everyone: the number of tiles can betray the label.
    input_dropout, dropout
        Shares of input features and hidden units left out per bag.
    warm_up
        Share of the whole training over which the rate rises.
    max_class_weight
        Cap of the weight of the rarer class.
    augmented
        Draw each bag, at every step, from the slides' own features or one of their augmented sets.

    Raises
    ------
    ConfigError
        If a value is out of its range.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    batch_patients: int = 8
    bag_tiles: int = 256
    input_dropout: float = 0.3
    dropout: float = 0.25
    warm_up: float = 0.05
    max_class_weight: float = 10.0
    augmented: bool = False

    def __post_init__(self) -> None:
        for name, low, high in (
            ("learning_rate", 1e-8, 1.0),
            ("weight_decay", 0.0, 10.0),
            ("batch_patients", 1, 100_000),
            ("bag_tiles", 1, 10_000_000),
            ("input_dropout", 0.0, 0.95),
            ("dropout", 0.0, 0.95),
            ("warm_up", 0.0, 0.9),
            ("max_class_weight", 1.0, 1e6),
        ):
            if not low <= getattr(self, name) <= high:
                msg = f"{name} is {getattr(self, name)}; choose a value from {low:g} to {high:g}"
                raise ConfigError(msg)


class MilLearner:
    """Implements ``models.learner.Learner`` with ``GatedAttentionMIL``; one network for all targets.

    Training repeats bit for bit on one machine and one build of torch: it runs on one thread whatever torch was told,
    draws every random number from numpy's Philox, and reads no clock. Another processor may round differently.

    Parameters
    ----------
    cohort
        The centre's patients; every tile is read here, with a progress bar.
    spec
        The network's measures; a swarm's members agree on it. None: the default widths for this cohort.
    hyperparameters
        How to train.
    """

    def __init__(
        self, cohort: Cohort, spec: ModelSpec | None = None, hyperparameters: Hyperparameters | None = None
    ) -> None:
        spec = spec or spec_for(cohort)
        augmented = hyperparameters is not None and hyperparameters.augmented
        with progress(len(cohort.patients), "reading features", "patient") as bar:
            bags = []
            for patient in cohort.patients:
                bags.append(load_bag(patient, augmented))
                bar.update()
        self._set(bags, label_matrix(cohort.patients, [t.name for t in spec.targets]), spec, hyperparameters)

    @classmethod
    def from_bags(
        cls, bags: Sequence[Bag], labels: np.ndarray, spec: ModelSpec, hyperparameters: Hyperparameters | None = None
    ) -> MilLearner:
        """Make a learner of bags in memory.

        Parameters
        ----------
        bags
            One per patient.
        labels
            (patients, targets) float32: 1, 0, or NaN for unknown. An unknown label adds nothing to the loss.
        spec, hyperparameters
            As for the class.
        """
        learner = cls.__new__(cls)
        learner._set(bags, labels, spec, hyperparameters)
        return learner

    def _set(
        self, bags: Sequence[Bag], labels: np.ndarray, spec: ModelSpec, hyperparameters: Hyperparameters | None
    ) -> None:
        self.bags = tuple(bags)
        self.labels = labels
        self.spec = spec
        self.hyperparameters = hyperparameters or Hyperparameters()
        self._weights = class_weights(labels, self.hyperparameters.max_class_weight)

    @property
    def n_patients(self) -> int:
        """Patients that take part in training."""
        return len(self.bags)

    def data_sha256(self) -> str:
        """Hash of all tiles and labels."""
        return data_sha256(self.bags, self.labels)

    def initial_state(self, seed: int) -> State:
        """Draw the first weights; a function of ``seed`` and the spec alone."""
        return initial_state(
            self.spec.features.dim, self.spec.hidden, self.spec.attention, len(self.spec.targets), seed
        )

    def train(self, state: State, round_index: int, rounds: int, steps: int, seed: int) -> TrainResult:
        """Train ``steps`` mini-batches from ``state``; see ``models.learner.Learner.train``."""
        h = self.hyperparameters
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, round_index])))
        network = GatedAttentionMIL(
            self.spec.features.dim,
            self.spec.hidden,
            self.spec.attention,
            len(self.spec.targets),
            h.dropout,
            h.input_dropout,
        )
        losses: list[float] = []
        with one_thread():
            network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()})
            optimiser = _optimiser(network, h)
            for step, chosen in enumerate(_batches(self.n_patients, h.batch_patients, steps, rng)):
                rate = learning_rate(h, (round_index + step / steps) / rounds)
                for group in optimiser.param_groups:
                    group["lr"] = rate
                tiles = [self.bags[index].sample(h.bag_tiles, rng) for index in chosen]
                logits = network.forward_bags(torch.from_numpy(np.concatenate(tiles)), [len(bag) for bag in tiles], rng)
                loss = masked_loss(logits, self.labels[chosen], self._weights)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.item())
        trained = {name: value.detach().numpy().copy() for name, value in network.state_dict().items()}
        return TrainResult(trained, float(np.mean(losses)) if losses else math.nan, steps)


def spec_for(cohort: Cohort, hidden: int = 128, attention: int = 64) -> ModelSpec:
    """Return the spec of a model for this cohort's targets and features."""
    return ModelSpec(cohort.targets, cohort.kind, hidden, attention)


def class_weights(labels: np.ndarray, cap: float) -> np.ndarray:
    """Return (2, targets) float32: the weight of negatives and of positives, n / (2 n_class), at most ``cap``.

    Both classes then count the same whatever the centre's prevalence, so that centres do not pull the bias apart.
    """
    counts = np.stack([(labels == 0).sum(axis=0), (labels == 1).sum(axis=0)])
    return np.minimum(counts.sum(axis=0) / (2.0 * np.maximum(counts, 1)), cap).astype(np.float32)


def masked_loss(logits: Tensor, labels: np.ndarray, weights: np.ndarray) -> Tensor:
    """Class-weighted binary cross-entropy over the known labels of a batch; 0 where none is known."""
    known = ~np.isnan(labels)
    target = np.where(known, labels, 0.0).astype(np.float32)
    weight = np.where(known, np.where(target == 1, weights[1], weights[0]), 0.0).astype(np.float32)
    total = F.binary_cross_entropy_with_logits(
        logits, torch.from_numpy(target), torch.from_numpy(weight), reduction="sum"
    )
    return total / max(int(known.sum()), 1)


def learning_rate(hyperparameters: Hyperparameters, done: float) -> float:
    """Rate when the share ``done`` (0 to 1) of the whole training is over: linear warm-up, then half a cosine."""
    h = hyperparameters
    if done < h.warm_up:
        return h.learning_rate * (0.1 + 0.9 * done / h.warm_up)
    return h.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (done - h.warm_up) / (1.0 - h.warm_up)))


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread: bags are small, and the order of additions then depends on nothing outside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _optimiser(network: GatedAttentionMIL, hyperparameters: Hyperparameters) -> torch.optim.AdamW:
    biases = [value for name, value in network.named_parameters() if name.endswith("bias")]
    matrices = [value for name, value in network.named_parameters() if not name.endswith("bias")]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": hyperparameters.weight_decay},
            {"params": biases, "weight_decay": 0.0},
        ],
        lr=hyperparameters.learning_rate,
    )


def _batches(patients: int, batch: int, steps: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield ``steps`` arrays of patients: seeded permutations one after the other."""
    queue = np.empty(0, np.int64)
    size = min(batch, patients)
    for _ in range(steps):
        while len(queue) < size:
            queue = np.concatenate([queue, rng.permutation(patients)])
        yield queue[:size]
        queue = queue[size:]
