"""The local loop: the same rounds that a swarm takes, without the merge; and the model that comes of it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from models.model_file import Model
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.cohort import Centre, Cohort
    from models.learner import Learner, State, TrainResult
    from models.mil_learner import Hyperparameters, MilLearner


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


def default_steps(patients: int, hyperparameters: Hyperparameters) -> int:
    """Return the steps per round in which each patient is seen about twice, and never fewer than 20."""
    return max(20, math.ceil(2 * patients / hyperparameters.batch_patients))


def train_cohort(
    learner: MilLearner,
    cohort: Cohort,
    centres: Sequence[Centre],
    rounds: int,
    steps: int,
    seed: int,
    on_round: Callable[[int, TrainResult], None] | None = None,
) -> Model:
    """Train on one centre's or several centres' patients and return the model with its provenance."""
    state = train_model(learner, rounds, steps, seed, on_round)
    training = {"rounds": rounds, "steps": steps, "seed": seed, **asdict(learner.hyperparameters)}
    provenance = {
        "software": f"wsi-swarm {version('wsi-swarm')}",
        "torch": version("torch"),
        "arm": "local" if len(centres) == 1 else "merged",
        "training": training,
        "data": data_provenance(learner, cohort, centres),
    }
    return Model(state, replace(learner.spec, provenance=provenance))


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
