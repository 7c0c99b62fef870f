"""Early stopping, and going on where a training was interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.mil_learner import MilLearner
from models.rounds import Checkpoint, Stopping, train_rounds
from models.train import train_model
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.learner import State


@pytest.fixture
def learner(make_planted: Callable, make_spec: Callable) -> MilLearner:
    return MilLearner.from_bags(*make_planted(12, seed=1), make_spec())


def same(a: State, b: State) -> bool:
    return all(a[name].tobytes() == b[name].tobytes() for name in a)


def test_a_training_that_was_killed_goes_on_and_gives_the_same_bytes(learner: MilLearner, tmp_path: Path) -> None:
    whole = train_model(learner, 5, 2, seed=3)

    class KilledError(Exception):
        pass

    def kill(index: int, _: object) -> None:
        if index == 2:
            raise KilledError

    checkpoint = Checkpoint(tmp_path / "partial", {"seed": 3})
    with pytest.raises(KilledError):
        train_rounds(learner, 5, 2, 3, checkpoint=checkpoint, on_round=kill)
    trained: list[int] = []
    done = train_rounds(
        learner, 5, 2, 3, checkpoint=checkpoint, on_round=lambda i, result: trained.append(i) if result else None
    )
    assert trained == [3, 4]
    assert same(done.best, whole)
    other = Checkpoint(tmp_path / "partial", {"seed": 4})
    assert other.load() is None
    (tmp_path / "partial").write_bytes(b"half")
    assert checkpoint.load() is None
    checkpoint.remove()
    assert not (tmp_path / "partial").exists()


def test_the_round_with_the_lowest_held_out_loss_is_kept(learner: MilLearner) -> None:
    seen: list[State] = []
    losses = iter([3.0, 1.0, 2.0, 1.0, 0.5])

    def score(state: State) -> float:
        seen.append(state)
        return next(losses)

    done = train_rounds(learner, 5, 2, 3, Stopping(score, patience=2))
    assert (done.rounds, done.best_round, done.held_out) == (4, 2, (3.0, 1.0, 2.0, 1.0))
    assert same(done.best, seen[1])
    assert not same(done.best, done.state)
    with pytest.raises(ConfigError, match="patience"):
        train_rounds(learner, 5, 2, 3, Stopping(score, patience=0))
