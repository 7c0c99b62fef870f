"""Attention MIL on Musk1, Musk2, Fox and Tiger: accuracy over 5 x 10 folds, everything chosen on inner splits.

    python -m benchmarks.musk ../shared/data/mil

Folds are the published ones where the file has them (``train_mask``), else stratified by seed. In each training part
an inner cross-validation over thirds chooses among ``CANDIDATES`` by the held-out loss; the chosen settings then train
``MEMBERS`` networks on the whole training part, whose mean logit decides. Features are scaled by mean and spread of the
training part, never of the test part. The test part is predicted once, and the threshold is 1/2.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from models.bags import Bag
from models.crossval import ensemble
from models.feature_kind import FeatureKind
from models.held_out import held_out_loss
from models.hyperparameters import Hyperparameters
from models.mil_learner import MilLearner
from models.model_file import Model, ModelSpec
from models.predict import predict_bag
from models.rounds import train_rounds
from models.splits import deal
from models.targets import Target

DATASETS = ("Musk1", "Musk2", "Fox", "Tiger")
PUBLISHED = {"Musk1": 0.892, "Musk2": 0.858, "Fox": 0.615, "Tiger": 0.839}
FLOOR = {"Musk1": 0.86, "Musk2": 0.82, "Fox": 0.56, "Tiger": 0.81}
REPEATS, FOLDS, INNER, MEMBERS = 5, 10, 3, 5
ROUNDS = 10
BASE = Hyperparameters(bag_tiles=256, weight_decay=0.1)
CANDIDATES = (
    (replace(BASE, input_dropout=0.0, dropout=0.25), 40),
    (replace(BASE, input_dropout=0.3, dropout=0.5), 100),
)
"""Settings, and steps of each of the ``ROUNDS``: little regularised and short, or more and longer."""


def folds_of(path: Path) -> np.ndarray:
    """(repeats, folds, bags) bool: which bags train."""
    data = np.load(path)
    if "train_mask" in data:
        return data["train_mask"].astype(bool)
    labels = (data["y"] > 0).astype(float)[:, None]
    dealt = [deal(labels, FOLDS, seed) for seed in range(REPEATS)]
    return np.array([[parts != fold for fold in range(FOLDS)] for parts in dealt])


def fold_accuracy(path: Path, train: np.ndarray, aggregator: str, seed: int) -> float:
    """Choose and train on the bags that ``train`` names, and return the accuracy on the others."""
    torch.set_num_threads(1)
    data = np.load(path)
    values, bag, y = data["X"], data["bag"], data["y"] > 0
    seen = values[train[bag]]
    scaled = np.clip((values - seen.mean(0)) / (seen.std(0) + 1e-6), -5, 5).astype(np.float16)
    target, kind = Target("bag", "1", ("0",)), FeatureKind("raw", "", "", values.shape[1], 1.0, 1.0)
    spec = ModelSpec((target,), kind, aggregator=aggregator)
    # The learner holds the training bags alone: nothing of the test part can be reached from it.
    inside = np.flatnonzero(train)
    bags = [Bag(str(i), scaled[bag == i]) for i in inside]
    learner = MilLearner.from_bags(bags, y[inside, None].astype(np.float32), spec, BASE)
    settings, steps = CANDIDATES[int(np.argmin([_inner_loss(learner, *one, seed) for one in CANDIDATES]))]
    whole = learner.part(np.arange(len(bags)), settings)
    members = [train_rounds(whole, ROUNDS, steps, 1000 * seed + member).state for member in range(MEMBERS)]
    model = ensemble([Model(state, spec) for state in members], {})
    tested = np.flatnonzero(~train)
    said = [predict_bag(model, scaled[bag == i])["bag"] > 0.5 for i in tested]
    return float(np.mean(np.array(said) == y[tested]))


def _inner_loss(learner: MilLearner, settings: Hyperparameters, steps: int, seed: int) -> float:
    """Loss on each third of the training bags after training on the others, summed."""
    parts, loss = deal(learner.labels, INNER, seed), 0.0
    for part in range(INNER):
        inner, held = (learner.part(np.flatnonzero(where), settings) for where in (parts != part, parts == part))
        loss += held_out_loss(inner, held)(train_rounds(inner, ROUNDS, steps, seed).state)
    return loss


def main() -> None:
    """Print a row per data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of Musk1.npz and the others")
    parser.add_argument("--aggregator", default="attention")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--datasets", nargs="+", default=DATASETS, choices=DATASETS)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    print("| data set | bags | folds | accuracy | s.e. of repeats | floor | published |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name in options.datasets:
        path = options.data / f"{name}.npz"
        masks = folds_of(path)[: options.repeats]
        jobs = [(r, f) for r in range(masks.shape[0]) for f in range(masks.shape[1])]
        with ProcessPoolExecutor(options.workers) as pool:
            running = [pool.submit(fold_accuracy, path, masks[r, f], options.aggregator, 100 * r + f) for r, f in jobs]
            found = np.array([one.result() for one in running]).reshape(masks.shape[:2])
        repeats = found.mean(axis=1)
        error = f"{repeats.std(ddof=1) / len(repeats) ** 0.5:.3f}" if len(repeats) > 1 else "-"
        print(
            f"| {name} | {masks.shape[2]} | {len(repeats)} x {masks.shape[1]} | {found.mean():.3f} | {error} "
            f"| {FLOOR[name]:.2f} | {PUBLISHED[name]:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
