"""Nested cross-validation: settings and stopping are chosen on an inner split, and the test fold is looked at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from models.bags import label_matrix
from models.held_out import held_out_loss
from models.model_file import Model
from models.predict import predict_cohort
from models.rounds import Progress, Stopping, train_rounds
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from models.cohort import Cohort
    from models.hyperparameters import Hyperparameters
    from models.mil_learner import MilLearner
    from models.splits import Fold


@dataclass(frozen=True)
class Plan:
    """How long each training of a cross-validation takes at most.

    Attributes
    ----------
    rounds, steps
        Rounds, and mini-batches of each.
    patience
        Rounds without a lower loss on the validation part after which a training stops.
    seed
        Of the first weights and of every choice in training.
    """

    rounds: int = 10
    steps: int = 20
    patience: int = 3
    seed: int = 0


@dataclass(frozen=True)
class FoldResult:
    """One fold's model and what it says of patients that played no part in it.

    Attributes
    ----------
    fold
        Name of the fold.
    model
        The chosen weights.
    predictions
        As ``predict_cohort`` gives them, of the test part, with a column FOLD.
    failed
        A sentence for each test patient without a prediction.
    tried
        Settings that differ, best round and lowest validation loss of each candidate, in the order they were tried.
    chosen
        Index of the candidate taken.
    """

    fold: str
    model: Model
    predictions: pd.DataFrame
    failed: tuple[str, ...]
    tried: tuple[dict[str, Any], ...]
    chosen: int


def candidates(base: Hyperparameters, grid: Mapping[str, Sequence[Any]]) -> list[Hyperparameters]:
    """Return every combination of the values in ``grid``, by name of a hyperparameter; ``base`` alone for no grid."""
    return [replace(base, **dict(zip(grid, values, strict=True))) for values in product(*grid.values())]


def train_fold(
    learner: MilLearner, train: np.ndarray, validation: np.ndarray, tried: Sequence[Hyperparameters], plan: Plan
) -> tuple[list[Progress], int]:
    """Train every candidate on one part of the patients and choose the one with the lowest loss on another.

    Parameters
    ----------
    learner
        All patients; those outside the two parts are not looked at.
    train, validation
        Indices of patients.
    tried
        Candidates; the first of equals wins.

    Returns
    -------
    progress, chosen
        Each candidate's training, and the index of the best.
    """
    if set(train) & set(validation) or not len(train) or not len(validation):
        msg = "training and validation part must hold patients, and share none"
        raise ConfigError(msg)
    done = []
    for settings in tried:
        inner, held = learner.part(train, settings), learner.part(validation, settings)
        stopping = Stopping(held_out_loss(inner, held), plan.patience)
        done.append(train_rounds(inner, plan.rounds, plan.steps, plan.seed, stopping))
    return done, int(np.argmin([min(one.held_out) for one in done]))


def run_fold(
    learner: MilLearner,
    cohort: Cohort,
    fold: Fold,
    tried: Sequence[Hyperparameters],
    plan: Plan,
    provenance: Mapping[str, Any],
    predict_tiles: int | None = None,
) -> FoldResult:
    """Train and choose on a fold's training and validation part, then predict its test part.

    Parameters
    ----------
    learner, cohort
        The same patients in the same order.
    fold
        Which patients are what.
    tried, plan
        As for ``train_fold``.
    provenance
        What is recorded in the fold's model beside its settings.
    predict_tiles
        Cap of tiles per test patient; None: all.
    """
    index = {patient.id: number for number, patient in enumerate(cohort.patients)}
    train, validation = (np.array([index[name] for name in part]) for part in (fold.train, fold.validation))
    done, chosen = train_fold(learner, train, validation, tried, plan)
    best = done[chosen]
    training = {**asdict(plan), "best_round": best.best_round, "held_out_loss": min(best.held_out)}
    told = {
        **provenance,
        "arm": "crossval",
        "fold": fold.name,
        "training": {**training, **asdict(tried[chosen])},
        "data": {
            "train_sha256": learner.part(train).data_sha256(),
            "validation_sha256": learner.part(validation).data_sha256(),
            "patients": len(train),
        },
    }
    model = Model(best.best, replace(learner.spec, provenance=told))
    tested = replace(cohort, patients=tuple(cohort.patients[index[name]] for name in fold.test), dropped=())
    predictions = predict_cohort(model, tested, bag_tiles=predict_tiles, seed=plan.seed)
    table = predictions.table.assign(FOLD=fold.name)
    notes = [
        {"settings": asdict(settings), "best_round": one.best_round, "held_out_loss": min(one.held_out)}
        for settings, one in zip(tried, done, strict=True)
    ]
    return FoldResult(fold.name, model, table, predictions.failed, tuple(notes), chosen)


def ensemble(models: Sequence[Model], provenance: Mapping[str, Any]) -> Model:
    """Return one model whose logit is the mean of these models' logits; ``ConfigError`` if they are not alike."""
    specs = {replace(model.spec, provenance={}).__repr__() for model in models}
    if len(models) < 2 or len(specs) != 1 or models[0].spec.members != 1:
        msg = "an ensemble needs at least two single models with the same targets, features and aggregator"
        raise ConfigError(msg)
    state = {
        f"members.{number}.{name}": value for number, model in enumerate(models) for name, value in model.state.items()
    }
    return Model(state, replace(models[0].spec, members=len(models), provenance=dict(provenance)))


def cohort_labels(cohort: Cohort) -> np.ndarray:
    """(patients, T) float32: 1, 0, or NaN for unknown."""
    return label_matrix(cohort.patients, [target.name for target in cohort.targets])
