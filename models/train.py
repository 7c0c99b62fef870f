"""The local loop: the same rounds that a swarm takes, without the merge; and the model that comes of it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from models.held_out import held_out_loss
from models.model_file import Model
from models.rounds import Checkpoint, Stopping, train_rounds
from models.splits import check_classes, deal
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.cohort import Centre, Cohort
    from models.learner import Learner, State, TrainResult
    from models.mil_learner import MilLearner
    from models.rounds import Progress

INTENDED_USE = (
    "Research: predicts the targets from features of H&E slides like those it was trained on. Not a medical device; "
    "validate it on local patients before relying on it."
)


def train_model(
    learner: Learner, rounds: int, steps: int, seed: int, on_round: Callable[[int, TrainResult], None] | None = None
) -> State:
    """Train ``rounds`` rounds of ``steps`` steps.

    Local, merged and swarm training then differ in nothing but the data and the merge between rounds.

    Parameters
    ----------
    learner
        Data and model.
    rounds, steps
        Rounds, and steps of each; at least 1.
    seed
        Of the first weights and of every choice in training.
    on_round
        Called with the round's index and result after each round.

    Returns
    -------
    state
        The last round's weights.
    """
    if rounds < 1 or steps < 1 or seed < 0:
        msg = f"rounds and steps must be at least 1 and the seed at least 0; got {rounds}, {steps} and {seed}"
        raise ConfigError(msg)
    state = learner.initial_state(seed)
    for index in range(rounds):
        result = learner.train(state, index, rounds, steps, seed)
        state = result.state
        if on_round is not None:
            on_round(index, result)
    return state


def default_steps(learner: MilLearner) -> int:
    """Return the steps per round in which each patient is seen about twice, and never fewer than 20."""
    return max(20, 2 * learner.steps_per_epoch)


@dataclass(frozen=True)
class Held:
    """Patients held out of training for early stopping: their share, and the rounds of patience."""

    share: float
    patience: int


@dataclass(frozen=True)
class Trained:
    """A model, how its training went, and the file that kept its progress, to be removed when the model is saved."""

    model: Model
    progress: Progress
    checkpoint: Checkpoint | None


def train_cohort(
    learner: MilLearner,
    cohort: Cohort,
    centres: Sequence[Centre],
    rounds: int,
    steps: int,
    seed: int,
    on_round: Callable[[int, TrainResult | None], None] | None = None,
    held: Held | None = None,
    partial: Path | None = None,
) -> Trained:
    """Train on one centre's or several centres' patients.

    Parameters
    ----------
    learner, cohort, centres
        The same patients, loaded and in their tables.
    rounds, steps, seed
        As for ``models.rounds.train_rounds``.
    on_round
        Called after each round.
    held
        Early stopping; None trains all rounds on all patients.
    partial
        Where the progress is kept, so that an interrupted training goes on there; None keeps none.

    Raises
    ------
    ConfigError
        If the patients are too few to hold some out.
    """
    counts = {"rounds": rounds, "steps": steps, "seed": seed}
    data = data_provenance(learner, cohort, centres)
    training: dict[str, Any] = {**counts, **asdict(learner.hyperparameters), **(asdict(held) if held else {})}
    described = {
        "software": f"wsi-swarm {version('wsi-swarm')}",
        "torch": version("torch"),
        "arm": "local" if len(centres) == 1 else "merged",
        "data": data,
    }
    settings = {**described, **training, "network": asdict(learner.spec), "device": str(learner.device)}
    checkpoint = Checkpoint(partial, settings) if partial is not None else None
    part, stopping = (learner, None) if held is None else _hold_out(learner, held, seed)
    done = train_rounds(part, rounds, steps, seed, stopping, checkpoint, on_round)
    if held is not None:
        training |= {"best_round": done.best_round, "held_out_loss": list(done.held_out)}
    provenance = {**described, "training": training, "intended_use": INTENDED_USE}
    return Trained(Model(done.best, replace(learner.spec, provenance=provenance)), done, checkpoint)


def _hold_out(learner: MilLearner, held: Held, seed: int) -> tuple[MilLearner, Stopping]:
    parts = deal(learner.labels, max(2, round(1 / held.share)), seed)
    training, validation = learner.part(np.flatnonzero(parts != 0)), learner.part(np.flatnonzero(parts == 0))
    check_classes(training.labels, "the training part")
    check_classes(validation.labels, "the validation part")
    return training, Stopping(held_out_loss(training, validation), held.patience)


def data_provenance(learner: MilLearner, cohort: Cohort, centres: Sequence[Centre]) -> dict[str, Any]:
    """Say which data a model saw, by hashes and counts; no name of a patient and no path."""
    counts = {target.name: cohort.counts(target.name) for target in cohort.targets}
    return {
        "tables_sha256": [
            {"clini": _sha256(centre.clini.read_bytes()), "slides": _sha256(centre.slides.read_bytes())}
            for centre in centres
        ],
        "tiles_and_labels_sha256": learner.data_sha256(),
        "patients": learner.n_patients,
        "by_target": {
            name: {"positive": positive, "negative": negative, "unknown": unknown}
            for name, (positive, negative, unknown) in counts.items()
        },
    }


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
