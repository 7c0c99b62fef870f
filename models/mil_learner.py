"""The MIL learner: one aggregator on one centre's patients, trained by pure rounds of AdamW."""

from __future__ import annotations

import math
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import torch

from models.aggregators import DEFAULT, aggregator_class
from models.bags import data_sha256, label_matrix, load_bag
from models.hyperparameters import Hyperparameters, default_hyperparameters
from models.learner import State, TrainResult
from models.mil_batches import Packing, bag_batches, tile_batches
from models.model_file import ModelSpec
from models.prefetch import prefetched
from models.training import class_weights, one_thread, proximal_loss
from pipelines.errors import ConfigError
from pipelines.progress import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.aggregators import Aggregator
    from models.bags import Bag
    from models.cohort import Cohort

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class MilLearner:
    """Implements ``models.learner.Learner`` with an aggregator; one network for all targets.

    Training repeats bit for bit on one machine and one build of torch: it runs on one thread whatever torch was told,
    draws every random number from numpy's Philox, and reads no clock. Another processor may round differently, and on a
    GPU a repeat may differ in the last bits.

    Parameters
    ----------
    cohort
        The centre's patients. Native feature files stay on disk and are mapped; others are read here.
    spec
        The network's measures; a swarm's members agree on it. None: the default widths for this cohort.
    hyperparameters
        How to train. None: as the aggregator does by default.
    device
        Where to compute: ``cpu``, ``cuda`` or ``cuda:1``.
    """

    def __init__(
        self,
        cohort: Cohort,
        spec: ModelSpec | None = None,
        hyperparameters: Hyperparameters | None = None,
        device: str = "cpu",
    ) -> None:
        spec = spec or spec_for(cohort)
        augmented = hyperparameters is not None and hyperparameters.augmented
        with progress(len(cohort.patients), "reading features", "patient") as bar:
            bags = []
            for patient in cohort.patients:
                bags.append(load_bag(patient, augmented, mapped=True))
                bar.update()
        labels = label_matrix(cohort.patients, [t.name for t in spec.targets])
        self._set(bags, labels, spec, hyperparameters, device)

    @classmethod
    def from_bags(
        cls,
        bags: Sequence[Bag],
        labels: np.ndarray,
        spec: ModelSpec,
        hyperparameters: Hyperparameters | None = None,
        device: str = "cpu",
    ) -> MilLearner:
        """Make a learner of bags.

        Parameters
        ----------
        bags
            One per patient.
        labels
            (patients, targets) float32: 1, 0, or NaN for unknown. An unknown label adds nothing to the loss.
        spec, hyperparameters, device
            As for the class.
        """
        learner = cls.__new__(cls)
        learner._set(bags, labels, spec, hyperparameters, device)
        return learner

    def _set(
        self,
        bags: Sequence[Bag],
        labels: np.ndarray,
        spec: ModelSpec,
        hyperparameters: Hyperparameters | None,
        device: str,
    ) -> None:
        self.bags = tuple(bags)
        self.labels = labels
        self.spec = spec
        self.hyperparameters = h = hyperparameters or default_hyperparameters(spec.aggregator)
        self.device = torch.device(device)
        self.by_tile = aggregator_class(spec.aggregator).by_tile
        if self.by_tile and h.augmented:
            msg = f"the aggregator {spec.aggregator!r} learns single tiles and uses no augmented sets; leave them out"
            raise ConfigError(msg)
        if spec.members != 1:
            msg = "an ensemble cannot be trained; train its members"
            raise ConfigError(msg)
        self.weights = class_weights(labels, h.max_class_weight) if h.balanced else np.ones((2, labels.shape[1]), "f4")

    def part(self, patients: np.ndarray, hyperparameters: Hyperparameters | None = None) -> MilLearner:
        """Return a learner of some of the patients (indices), whose weights know of these alone."""
        bags = [self.bags[index] for index in patients]
        settings = hyperparameters or self.hyperparameters
        return MilLearner.from_bags(bags, self.labels[patients], self.spec, settings, str(self.device))

    @property
    def n_patients(self) -> int:
        """Patients that take part in training."""
        return len(self.bags)

    @property
    def steps_per_epoch(self) -> int:
        """Mini-batches in which each patient, or each tile that takes part, is seen once."""
        h = self.hyperparameters
        if self.by_tile:
            return math.ceil(sum(min(len(bag.tiles), h.bag_tiles) for bag in self.bags) / h.batch_tiles)
        return math.ceil(self.n_patients / h.batch_patients)

    def data_sha256(self) -> str:
        """Hash of all tiles and labels."""
        return data_sha256(self.bags, self.labels)

    def initial_state(self, seed: int) -> State:
        """Draw the first weights; a function of ``seed`` and the spec alone."""
        return self.spec.first_state(seed)

    def train(self, state: State, round_index: int, rounds: int, steps: int, seed: int) -> TrainResult:
        """Train ``steps`` mini-batches from ``state``; see ``models.learner.Learner.train``."""
        h = self.hyperparameters
        # Two streams: the choice of tiles runs ahead in a thread, the masks are drawn where they are used.
        choices, masks = (_random(seed, round_index, stream) for stream in (0, 1))
        network = self.spec.network(h.dropout, h.input_dropout)
        drawn = (tile_batches if self.by_tile else bag_batches)(
            self.bags, self.labels, h, steps, choices, Packing(self.device, _DTYPES[h.precision])
        )
        losses: list[torch.Tensor] = []
        with one_thread(), closing(prefetched(drawn)) as ready:
            network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()})
            network.to(self.device)
            optimiser = _optimiser(network, h)
            anchor = [value.detach().clone() for value in network.parameters()]
            for step, batch in enumerate(ready):
                for group in optimiser.param_groups:
                    group["lr"] = h.rate((round_index + step / steps) / rounds)
                with torch.autocast(self.device.type, torch.bfloat16, enabled=h.precision == "bfloat16"):
                    loss = network.loss(batch.tiles, batch.lengths, batch.labels, self.weights, masks)
                if h.proximal:
                    loss = loss + proximal_loss(network.parameters(), anchor, h.proximal)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.detach())
        trained = {name: value.detach().cpu().numpy().copy() for name, value in network.state_dict().items()}
        return TrainResult(trained, float(torch.stack(losses).double().mean()) if losses else math.nan, steps)


def spec_for(cohort: Cohort, hidden: int = 128, attention: int = 64, aggregator: str = DEFAULT) -> ModelSpec:
    """Return the spec of a model for this cohort's targets and features."""
    return ModelSpec(cohort.targets, cohort.kind, hidden, attention, aggregator=aggregator)


def _random(*words: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(words)))


def _optimiser(network: Aggregator, hyperparameters: Hyperparameters) -> torch.optim.AdamW:
    biases = [value for name, value in network.named_parameters() if name.endswith("bias")]
    matrices = [value for name, value in network.named_parameters() if not name.endswith("bias")]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": hyperparameters.weight_decay},
            {"params": biases, "weight_decay": 0.0},
        ],
        lr=hyperparameters.learning_rate,
    )
