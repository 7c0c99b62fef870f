"""The loss on patients held out of training, on which early stopping and the choice of settings look."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from models.mil_batches import Packing
from models.model_file import Model
from models.training import masked_loss, one_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.bags import Bag
    from models.learner import State
    from models.mil_learner import MilLearner


def held_out_loss(learner: MilLearner, held: MilLearner) -> Callable[[State], float]:
    """Return a function from weights to the class-weighted loss over the patients of ``held``.

    Bags are cut to the cap of training, each by a seed of its own, once for all; classes weigh as in ``learner``.
    """
    bags = [_cut(bag, held.hyperparameters.bag_tiles, index) for index, bag in enumerate(held.bags)]
    packing = Packing(torch.device("cpu"), torch.float32)

    def loss(state: State) -> float:
        network = Model(state, learner.spec).network()
        with one_thread(), torch.inference_mode():
            logits = [network.forward_bags(packing.pack([bag]), [len(bag)]).float() for bag in bags]
            return float(masked_loss(torch.cat(logits), held.labels, learner.weights))

    return loss


def _cut(bag: Bag, tiles: int, seed: int) -> np.ndarray:
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed])))
    return replace(bag, augmented=()).take(tiles, rng)
