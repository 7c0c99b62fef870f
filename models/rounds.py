"""Training alone, round by round: early stopping on held-out patients, and going on where a killed run was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from models.model_file import file_bytes, read_model_file
from pipelines import files
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from models.learner import Learner, State, TrainResult

CHECKPOINT_FORMAT = "wsi-swarm training 1"


@dataclass(frozen=True)
class Stopping:
    """When to stop, and which round's weights to keep.

    Attributes
    ----------
    score
        From weights to a loss over patients that are in neither training nor test.
    patience
        Rounds without a lower loss after which training stops.
    """

    score: Callable[[State], float]
    patience: int


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes
    ----------
    state
        The last round's weights.
    best
        Weights with the lowest held-out loss; the last round's where nothing is held out.
    rounds
        Rounds taken.
    best_round
        Number of rounds after which ``best`` was reached.
    held_out
        Held-out loss after each round; empty where nothing is held out.
    """

    state: State
    best: State
    rounds: int = 0
    best_round: int = 0
    held_out: tuple[float, ...] = ()


class Checkpoint:
    """A file beside the result that keeps ``Progress`` between rounds.

    Parameters
    ----------
    path
        The file.
    settings
        All that the weights follow from, as JSON values: a checkpoint of other settings is not used.
    """

    def __init__(self, path: Path, settings: Mapping[str, object]) -> None:
        self.path = path
        text = json.dumps(settings, sort_keys=True, allow_nan=False)
        self.key = hashlib.sha256(text.encode()).hexdigest()

    def load(self) -> Progress | None:
        """Return the progress of a run with the same settings, or None where there is none that is whole."""
        if not self.path.is_file():
            return None
        try:
            weights, header = read_model_file(self.path, CHECKPOINT_FORMAT)
        except InputError:
            return None
        if header["key"] != self.key:
            return None
        parts: dict[str, State] = {"state": {}, "best": {}}
        for name, value in weights.items():
            part, _, rest = name.partition("/")
            parts[part][rest] = value
        return Progress(**parts, rounds=header["rounds"], best_round=header["best_round"],
                        held_out=tuple(header["held_out"]))  # fmt: skip

    def save(self, done: Progress) -> None:
        """Write the progress; a run killed meanwhile keeps the one before."""
        weights = {f"{part}/{name}": value for part in ("state", "best") for name, value in getattr(done, part).items()}
        counts = {"rounds": done.rounds, "best_round": done.best_round, "held_out": list(done.held_out)}
        files.write_bytes(self.path, file_bytes(weights, {"format": CHECKPOINT_FORMAT, "key": self.key, **counts}))

    def remove(self) -> None:
        """Delete the file: the result is written."""
        self.path.unlink(missing_ok=True)


def train_rounds(
    learner: Learner,
    rounds: int,
    steps: int,
    seed: int,
    stopping: Stopping | None = None,
    checkpoint: Checkpoint | None = None,
    on_round: Callable[[int, TrainResult | None], None] | None = None,
) -> Progress:
    """Train at most ``rounds`` rounds of ``steps`` steps.

    Every round is a pure function of the weights before it, so a run that goes on from a checkpoint gives the bytes of
    one that was never interrupted.

    Parameters
    ----------
    learner
        Data and model.
    rounds, steps
        Rounds, and steps of each; at least 1. The learning rate's course is that of ``rounds``, however early it stops.
    seed
        Of the first weights and of every choice in training.
    stopping
        Early stopping; None takes all rounds.
    checkpoint
        Where the progress is kept; None keeps none.
    on_round
        Called with each round's index, and its result; or None for a round that the checkpoint held.

    Raises
    ------
    ConfigError
        If rounds, steps, seed or patience are out of range.
    InputError
        If the loss is no longer finite.
    """
    if rounds < 1 or steps < 1 or seed < 0 or (stopping is not None and stopping.patience < 1):
        msg = f"rounds, steps and patience must be at least 1, the seed at least 0; got {rounds}, {steps} and {seed}"
        raise ConfigError(msg)
    done = checkpoint.load() if checkpoint is not None else None
    if done is None:
        first = learner.initial_state(seed)
        done = Progress(first, first)
    elif on_round is not None:
        for index in range(done.rounds):
            on_round(index, None)
    while done.rounds < rounds and not _is_over(done, stopping):
        result = learner.train(done.state, done.rounds, rounds, steps, seed)
        if not np.isfinite(result.loss):
            msg = f"round {done.rounds + 1}: the loss is {result.loss}; lower --learning-rate, or look for bad features"
            raise InputError(msg)
        done = _after(done, result.state, stopping)
        if checkpoint is not None:
            checkpoint.save(done)
        if on_round is not None:
            on_round(done.rounds - 1, result)
    return done


def _after(done: Progress, state: State, stopping: Stopping | None) -> Progress:
    done = replace(done, state=state, rounds=done.rounds + 1)
    if stopping is None:
        return replace(done, best=state, best_round=done.rounds)
    loss = stopping.score(state)
    better = not done.held_out or loss < min(done.held_out)
    done = replace(done, held_out=(*done.held_out, loss))
    return replace(done, best=state, best_round=done.rounds) if better else done


def _is_over(done: Progress, stopping: Stopping | None) -> bool:
    return stopping is not None and done.rounds - done.best_round >= stopping.patience and done.rounds > 0
