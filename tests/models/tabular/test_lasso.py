"""LASSO: the optimum that scikit-learn finds, exact zeros, and a merge that keeps both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from models.tabular.lasso import LassoHyperparameters, LassoLearner, coefficients
from models.tabular.learners import table_model
from models.train import train_model
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.tabular.cohort import TableCohort

PENALTY = 0.05


def joined(cohorts: Sequence[TableCohort]) -> TableCohort:
    return replace(
        cohorts[0],
        patients=tuple(name for one in cohorts for name in one.patients),
        values=np.concatenate([one.values for one in cohorts]),
        labels=np.concatenate([one.labels for one in cohorts]),
    )


def solved(cohort: TableCohort, rate: float = 5.0, steps: int = 2000) -> tuple[np.ndarray, float]:
    learner = LassoLearner(cohort, LassoHyperparameters(cohort.scaling, PENALTY, rate))
    state = learner.train(learner.initial_state(0), 0, 1, steps, 0).state
    return coefficients(state)[0], float(state["bias"][0])


def test_it_finds_the_optimum_of_scikit_learn(make_cohort: Callable) -> None:
    """sklearn minimises |w| + C sum loss, we |w| penalty + mean loss: C = 1 / (n penalty); unbalanced on purpose."""
    whole = make_cohort(70, 0)
    kept = np.flatnonzero((whole.labels[:, 0] == 1) | (np.arange(70) % 3 == 0))
    cohort = replace(whole, values=whole.values[kept], labels=whole.labels[kept], patients=whole.patients[: len(kept)])
    weights, bias = solved(cohort)
    reference = LogisticRegression(
        l1_ratio=1.0, C=1 / (len(kept) * PENALTY), solver="saga", class_weight="balanced", max_iter=50_000, tol=1e-9
    ).fit(cohort.values, cohort.labels[:, 0])
    assert np.abs(weights - reference.coef_[0]).max() < 2e-3
    assert abs(bias - reference.intercept_[0]) < 2e-3
    assert np.array_equal(weights == 0, np.abs(reference.coef_[0]) < 1e-6)
    assert 3 <= np.count_nonzero(weights) < 20


def test_the_step_matters_not_for_the_optimum(make_cohort: Callable) -> None:
    cohort = make_cohort(50, 1)
    slow, fast = solved(cohort, 1.0, 10_000), solved(cohort, 5.0)
    assert np.abs(slow[0] - fast[0]).max() < 2e-3


def swarm(cohorts: Sequence[TableCohort], steps: int, rounds: int) -> np.ndarray:
    learners = [LassoLearner(one, LassoHyperparameters(one.scaling, PENALTY, 5.0)) for one in cohorts]
    state = learners[0].initial_state(0)
    total = sum(one.n_patients for one in learners)
    for index in range(rounds):
        trained = [one.train(state, index, rounds, steps, 0).state for one in learners]
        shares = [one.n_patients / total for one in learners]
        state = {
            name: np.sum([w * t[name].astype(float) for w, t in zip(shares, trained, strict=True)], axis=0).astype("f4")
            for name in state
        }
    return coefficients(state)[0]


def test_a_merge_after_every_step_is_training_on_all_patients_together(make_cohort: Callable) -> None:
    cohorts = [make_cohort(patients, seed) for seed, patients in enumerate((20, 30, 60))]  # classes balanced in each
    together = swarm(cohorts, steps=1, rounds=300)
    alone = LassoLearner(joined(cohorts), LassoHyperparameters("zscore", PENALTY, 5.0))
    state = alone.train(alone.initial_state(0), 0, 1, 300, 0).state
    merged = coefficients(state)[0]
    assert np.abs(together - merged).max() < 1e-4
    assert np.array_equal(together == 0, merged == 0)


def test_rare_merges_keep_exact_zeros_where_an_average_of_coefficients_would_not(make_cohort: Callable) -> None:
    cohorts = [make_cohort(40, seed, 100) for seed in range(4)]
    together = swarm(cohorts, steps=25, rounds=20)
    average = np.mean([solved(one)[0] for one in cohorts], axis=0)
    merged = solved(joined(cohorts))[0]
    assert np.count_nonzero(together) < 0.6 * np.count_nonzero(average)
    assert set(np.flatnonzero(np.abs(merged) > 0.05)) <= set(np.flatnonzero(together))
    assert np.abs(together - merged).max() < 0.15


def test_training_is_a_pure_function_and_the_model_has_the_zeros(make_cohort: Callable) -> None:
    learner, again = LassoLearner(make_cohort(40, 0)), LassoLearner(make_cohort(40, 0))
    base = learner.initial_state(1)
    first, second = learner.train(base, 0, 5, 20, 0), again.train(base, 3, 5, 20, 7)
    assert all(first.state[name].tobytes() == second.state[name].tobytes() for name in base)
    assert all((value == 0).all() for value in base.values())
    assert (learner.n_patients, learner.steps_per_epoch) == (40, 1)
    model = table_model(learner, train_model(learner, 5, 100, 0), {})
    weights = coefficients(model.state)
    logits = np.log(model.probabilities(learner.cohort.values) / (1 - model.probabilities(learner.cohort.values)))
    assert np.allclose(logits, learner.cohort.values @ weights.T + model.state["bias"], atol=1e-5)
    assert (weights == 0).any()


def test_steps_that_would_diverge_are_refused(make_cohort: Callable) -> None:
    raw = make_cohort(40, 0, scaling="none")  # columns around 5: far from centred
    with pytest.raises(ConfigError, match=r"too long .* scaling 'none'; use learning_rate 0\.\d+ or less") as caught:
        LassoLearner(raw, LassoHyperparameters("none"))
    rate = float(str(caught.value).split("learning_rate ")[2].split(" ")[0])
    learner = LassoLearner(raw, LassoHyperparameters("none", learning_rate=rate))
    losses = [learner.train(learner.initial_state(0), 0, 1, steps, 0).loss for steps in (1, 50, 500)]
    assert losses[0] > losses[1] > losses[2]
