"""Bags whose every tile's evidence is known, and models that learnt from their bags' labels alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.bags import Bag
from models.feature_kind import FeatureKind
from models.hyperparameters import Hyperparameters
from models.mil_learner import MilLearner
from models.model_file import Model, ModelSpec
from models.targets import Target
from pipelines.features import Features, describe

DIM = 16
KIND = FeatureKind("digits", "cd" * 32, "", DIM, 5.0, 0.5)
TARGET = Target("MSI", "MSIH", ("MSS",))


@dataclass(frozen=True)
class Drawn:
    """A bag, its label, and what each of its tiles speaks for: 1, -1 or 0."""

    features: Features
    label: int
    evidence: np.ndarray


def features_of(name: str, vectors: np.ndarray) -> Features:
    index = np.arange(len(vectors))
    coords = np.stack([index % 20 * 10, index // 20 * 10], axis=1).astype(np.int32)
    attrs = describe(
        slide_size=(200, 10_000),
        mpp=0.5,
        requested_mpp=0.5,
        tile_px=10,
        encoder="digits",
        encoder_card_sha256="cd" * 32,
    )
    return Features(name, vectors.astype(np.float16), coords, attrs)


def digits(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Vectors of ten kinds of tiles, apart from each other and noisy."""
    prototypes = np.random.default_rng(4).normal(size=(10, DIM)) * 1.5
    return prototypes[labels] + rng.normal(0, 0.4, (len(labels), DIM))


def pos_neg_bag(name: str, rng: np.random.Generator, tiles: int = 12) -> Drawn:
    """Pos-Neg of xMIL (NeurIPS 2024): more different kinds out of 4, 6, 8 than out of 5, 7, 9 make a bag positive."""
    kinds = rng.integers(0, 10, tiles)
    evidence = np.where(np.isin(kinds, [4, 6, 8]), 1, np.where(np.isin(kinds, [5, 7, 9]), -1, 0))
    label = int(len(np.unique(kinds[evidence == 1])) > len(np.unique(kinds[evidence == -1])))
    return Drawn(features_of(name, digits(kinds, rng)), label, evidence)


def planted_bag(name: str, rng: np.random.Generator, tiles: int = 120) -> Drawn:
    """A slide of which a tenth speaks for, a twentieth against (or the other way round); the rest is neutral."""
    label = int(rng.integers(2))
    many, few = (4, 5) if label else (5, 4)
    kinds = rng.choice([0, 1, 2, 3], tiles)
    chosen = rng.permutation(tiles)
    kinds[chosen[: tiles // 10]], kinds[chosen[tiles // 10 : tiles // 10 + tiles // 20]] = many, few
    evidence = np.where(kinds == 4, 1, np.where(kinds == 5, -1, 0))
    return Drawn(features_of(name, digits(kinds, rng)), label, evidence)


def trained(bags: list[Drawn], steps: int, seed: int = 0) -> Model:
    spec = ModelSpec((TARGET,), KIND, 32, 16)
    settings = Hyperparameters(
        learning_rate=3e-3, weight_decay=1e-3, batch_patients=16, input_dropout=0.0, dropout=0.0, warm_up=0.05
    )
    labels = np.array([[one.label] for one in bags], np.float32)
    learner = MilLearner.from_bags(
        [Bag(b.features.slide_id, b.features.features) for b in bags], labels, spec, settings
    )
    return Model(learner.train(learner.initial_state(seed), 0, 1, steps, seed).state, spec)
