"""Attention MIL on Musk1, Musk2, Fox and Tiger: accuracy over 5 x 10 folds, everything chosen on inner splits.

    python -m benchmarks.musk ../shared/data/mil

Folds are the published ones where the file has them (``train_mask``), else stratified by seed. In each training part
four of five bags train and the fifth part chooses the settings among ``GRID`` and the round; features are scaled by
mean and spread of the whole training part, never of the test part. The test part is predicted once, and the threshold
is 1/2.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

from models.bags import Bag
from models.crossval import Plan, candidates, train_fold
from models.feature_kind import FeatureKind
from models.hyperparameters import Hyperparameters
from models.mil_learner import MilLearner
from models.model_file import Model, ModelSpec
from models.predict import predict_bag
from models.splits import deal
from models.targets import Target

DATASETS = ("Musk1", "Musk2", "Fox", "Tiger")
PUBLISHED = {"Musk1": 0.892, "Musk2": 0.858, "Fox": 0.615, "Tiger": 0.839}
FLOOR = {"Musk1": 0.86, "Musk2": 0.82, "Fox": 0.56, "Tiger": 0.81}
GRID = {"learning_rate": [1e-3, 3e-3], "input_dropout": [0.0, 0.3]}
"""Fixed before the first run."""

PLAN = Plan(rounds=10, steps=40, patience=10)
REPEATS, FOLDS, INNER = 5, 10, 5
BASE = Hyperparameters(bag_tiles=256, weight_decay=0.1)


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
    spec = ModelSpec(
        (Target("bag", "1", ("0",)),), FeatureKind("raw", "", "", values.shape[1], 1.0, 1.0), aggregator=aggregator
    )
    # The learner holds the training bags alone: nothing of the test part can be reached from it.
    inside = np.flatnonzero(train)
    bags = [Bag(str(i), scaled[bag == i]) for i in inside]
    learner = MilLearner.from_bags(bags, y[inside, None].astype(np.float32), spec, BASE)
    held = deal(learner.labels, INNER, seed) == 0
    plan = Plan(PLAN.rounds, PLAN.steps, PLAN.patience, seed)
    done, best = train_fold(learner, np.flatnonzero(~held), np.flatnonzero(held), candidates(BASE, GRID), plan)
    model = Model(done[best].best, spec)
    tested = np.flatnonzero(~train)
    said = [predict_bag(model, scaled[bag == i])["bag"] > 0.5 for i in tested]
    return float(np.mean(np.array(said) == y[tested]))


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
