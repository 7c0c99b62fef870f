"""The MIL learner on a real benchmark: Musk1, with the folds that were published with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from models.bags import Bag
from models.feature_kind import FeatureKind
from models.mil_learner import Hyperparameters, MilLearner
from models.model_file import Model, ModelSpec
from models.predict import predict_bag
from models.targets import Target
from models.train import train_model

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

ROUNDS, STEPS = 10, 40
"""Fixed beforehand; no test fold chooses an epoch, a rate or anything else."""


def test_musk1_by_ten_published_folds(real_data: Path) -> None:
    """One repeat of 10 folds. The floor is a plain implementation's accuracy minus the noise of 92 molecules."""
    torch.set_num_threads(1)
    data = np.load(real_data / "mil" / "Musk1.npz")
    values, bag, y, folds = data["X"], data["bag"], data["y"] > 0, data["train_mask"][0]
    spec = ModelSpec((Target("musk", "1", ("0",)),), FeatureKind("musk", "", "", values.shape[1], 1.0, 1.0))
    scores = np.full(len(y), np.nan)
    for fold, train in enumerate(folds):
        seen = values[train[bag]]
        scaled = np.clip((values - seen.mean(0)) / (seen.std(0) + 1e-6), -5, 5).astype(np.float16)
        bags = [Bag(str(index), scaled[bag == index]) for index in range(len(y))]
        chosen = np.flatnonzero(train)
        learner = MilLearner.from_bags(
            [bags[i] for i in chosen],
            y[chosen, None].astype(np.float32),
            spec,
            Hyperparameters(learning_rate=3e-3),
        )
        model = Model(train_model(learner, ROUNDS, STEPS, seed=fold), spec)
        for index in np.flatnonzero(~train):
            scores[index] = predict_bag(model, bags[index].tiles)["musk"]
    accuracy, area = np.mean((scores > 0.5) == y), roc_auc_score(y, scores)
    print(f"Musk1, 10 folds: accuracy {accuracy:.3f}, AUROC {area:.3f}")
    assert accuracy >= 0.80
    assert area >= 0.88
