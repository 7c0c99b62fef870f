"""The MIL learner: gated attention MIL on one centre's patients, trained by pure rounds of AdamW."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from models.abmil import GatedAttentionMIL, initial_state
from models.bags import data_sha256, label_matrix, load_bag
from models.learner import State, TrainResult
from models.model_file import ModelSpec
from models.training import (
    batches,
    check_ranges,
    class_weights,
    learning_rate,
    masked_loss,
    one_thread,
    proximal_loss,
)
from pipelines.progress import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    proximal
        FedProx's mu: how strongly a round's training is held to the weights that the round began with; 0 = not.

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
    proximal: float = 0.0

    def __post_init__(self) -> None:
        ranges = (
            ("learning_rate", 1e-8, 1.0),
            ("weight_decay", 0.0, 10.0),
            ("batch_patients", 1, 100_000),
            ("bag_tiles", 1, 10_000_000),
            ("input_dropout", 0.0, 0.95),
            ("dropout", 0.0, 0.95),
            ("warm_up", 0.0, 0.9),
            ("max_class_weight", 1.0, 1e6),
            ("proximal", 0.0, 1e6),
        )
        check_ranges(self, ranges)


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

    @property
    def steps_per_epoch(self) -> int:
        """Mini-batches in which each patient is seen once."""
        return math.ceil(self.n_patients / self.hyperparameters.batch_patients)

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
            anchor = [value.detach().clone() for value in network.parameters()]
            for step, chosen in enumerate(batches(self.n_patients, h.batch_patients, steps, rng)):
                rate = learning_rate(h, (round_index + step / steps) / rounds)
                for group in optimiser.param_groups:
                    group["lr"] = rate
                tiles = [self.bags[index].sample(h.bag_tiles, rng) for index in chosen]
                logits = network.forward_bags(torch.from_numpy(np.concatenate(tiles)), [len(bag) for bag in tiles], rng)
                loss = masked_loss(logits, self.labels[chosen], self._weights)
                if h.proximal:
                    loss = loss + proximal_loss(network.parameters(), anchor, h.proximal)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.item())
        trained = {name: value.detach().numpy().copy() for name, value in network.state_dict().items()}
        return TrainResult(trained, float(np.mean(losses)) if losses else math.nan, steps)


def spec_for(cohort: Cohort, hidden: int = 128, attention: int = 64) -> ModelSpec:
    """Return the spec of a model for this cohort's targets and features."""
    return ModelSpec(cohort.targets, cohort.kind, hidden, attention)


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
