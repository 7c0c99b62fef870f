"""The MLP: learns, repeats bit for bit, keeps to its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from models.tabular.learners import make_table_learner, parse_settings, table_hyperparameters, table_model
from models.tabular.mlp import MlpHyperparameters, MlpLearner, initial_state, shapes
from models.train import train_model
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_planted_signal_is_learnt(make_cohort: Callable) -> None:
    learner = MlpLearner(make_cohort(80, 0))
    model = table_model(learner, train_model(learner, 6, 20, seed=0), {})
    test = make_cohort(60, 9)
    assert roc_auc_score(test.labels[:, 0], model.probabilities(test.values)[:, 0]) > 0.9


def test_training_is_a_pure_function_of_its_arguments(make_cohort: Callable) -> None:
    learner, again = MlpLearner(make_cohort(30, 0)), MlpLearner(make_cohort(30, 0))
    base = learner.initial_state(5)
    before = {name: value.copy() for name, value in base.items()}
    first = learner.train(base, 2, 9, 15, seed=3)
    learner.train(base, 1, 9, 15, seed=3)
    torch.manual_seed(99)
    second = again.train(base, 2, 9, 15, seed=3)
    assert all(first.state[name].tobytes() == second.state[name].tobytes() for name in base)
    assert all(np.array_equal(base[name], before[name]) for name in base)
    other = learner.train(base, 2, 9, 15, seed=4)
    assert any(not np.array_equal(first.state[name], other.state[name]) for name in base)
    assert (learner.n_patients, learner.steps_per_epoch, first.steps) == (30, 2, 15)


def test_the_first_weights_follow_from_the_measures(make_cohort: Callable) -> None:
    state = initial_state(30, (8, 4), 2, seed=1)
    assert {name: value.shape for name, value in state.items()} == shapes(30, (8, 4), 2)
    assert state["layer2.weight"].shape == (2, 4)
    learner = MlpLearner(make_cohort(10, 0), MlpHyperparameters(hidden="8,4"))
    own = learner.initial_state(1)
    assert np.array_equal(own["layer0.weight"], state["layer0.weight"])
    assert set(shapes(5, (), 1)) == {"layer0.weight", "layer0.bias"}


def test_the_papers_network_is_a_preset() -> None:
    """Dense 256, 1024, 512, 512, 256, 256, 128, 128, 64 on 12,708 genes, as in Warnat-Herresthal et al. 2021."""
    paper = table_hyperparameters("mlp", {"preset": "warnat2021", "learning_rate": 0.0005})
    assert paper.widths == (256, 1024, 512, 512, 256, 256, 128, 128, 64)
    assert (paper.first_dropout, paper.dropout, paper.l2, paper.learning_rate) == (0.4, 0.3, 0.005, 0.0005)
    assert sum(int(np.prod(shape)) for shape in shapes(12_708, paper.widths, 1).values()) == 4_558_977


@pytest.mark.slow
def test_the_papers_network_learns(make_cohort: Callable) -> None:
    """From many shifted columns, as leukaemia shifts many genes; on few its penalty pulls it flat."""
    learner = make_table_learner(
        make_cohort(60, 0, 200, shifted=40), table_hyperparameters("mlp", {"preset": "warnat2021"})
    )
    test = make_cohort(60, 9, 200, shifted=40)
    for seed in range(3):
        model = table_model(learner, train_model(learner, 10, 20, seed=seed), {})
        assert roc_auc_score(test.labels[:, 0], model.probabilities(test.values)[:, 0]) > 0.95


def test_penalties_hold_the_weights(make_cohort: Callable) -> None:
    data = make_cohort(40, 0)

    def trained(**settings: float) -> tuple[float, float]:
        learner = MlpLearner(data, MlpHyperparameters(weight_decay=0.0, **settings))
        base = learner.initial_state(0)
        state = learner.train(base, 1, 4, 30, seed=0).state
        way = sum(float(np.square(state[name] - base[name]).sum()) for name in base)
        return way, sum(float(np.square(state[name]).sum()) for name in base)

    (free_way, free_size), (held_way, _), (_, small) = trained(), trained(proximal=10.0), trained(l2=0.5)
    assert held_way < 0.3 * free_way
    assert small < 0.8 * free_size


def test_an_unknown_label_adds_nothing(make_cohort: Callable) -> None:
    data = make_cohort(24, 0)
    data.labels[:] = np.nan
    learner = MlpLearner(data, MlpHyperparameters(weight_decay=0.0))
    base = learner.initial_state(0)
    state = learner.train(base, 1, 4, 5, seed=0).state
    assert all(np.array_equal(state[name], base[name]) for name in base)


def test_settings_are_checked(make_cohort: Callable) -> None:
    for settings, words in (
        ({"hiden": "8"}, "does not know hiden"),
        ({"hidden": "8,x"}, "hidden is '8,x'"),
        ({"dropout": 0.99}, "dropout is 0.99"),
        ({"dropout": "0.5"}, "must be a number like 0.3"),
        ({"batch_patients": 2.5}, "must be a number like 16"),
        ({"scaling": True}, "must be a text like 'zscore'"),
        ({"preset": "large"}, "no preset 'large'"),
    ):
        with pytest.raises(ConfigError, match=words):
            table_hyperparameters("mlp", settings)
    with pytest.raises(ConfigError, match="no learner 'forest'"):
        table_hyperparameters("forest", {})
    with pytest.raises(ConfigError, match="scaled by 'zscore' and the learner agreed on 'rank'"):
        make_table_learner(make_cohort(10, 0), table_hyperparameters("mlp", {"scaling": "rank"}))


def test_settings_are_read_from_options() -> None:
    read = parse_settings(["hidden = 8,4", "l2=1e-3", "batch_patients=4", "scaling=rank+zscore"])
    assert read == {"hidden": "8,4", "l2": 1e-3, "batch_patients": 4, "scaling": "rank+zscore"}
    assert table_hyperparameters("mlp", parse_settings(["hidden=8"])).widths == (8,)
    for wrong in (["hidden"], ["l2=1", "l2=2"]):
        with pytest.raises(ConfigError, match="NAME=VALUE"):
            parse_settings(wrong)
