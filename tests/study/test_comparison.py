"""Local, merged and swarm differ in nothing but data and merge; cross-validation never shows a patient twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.cohort import load_cohort
from models.mil_learner import Hyperparameters
from pipelines.errors import ConfigError
from wsi_swarm.study.compare.comparison import (
    MERGED,
    SWARM_BASIC,
    SWARM_WEIGHTED,
    aurocs,
    compare,
    merge_cohorts,
    predict,
    train_alone,
    train_together,
)
from wsi_swarm.study.compare.folds import cross_validate, part, split_patients
from wsi_swarm.study.compare.recipe import Recipe
from wsi_swarm.study.compare.table import as_json, as_markdown, as_text
from wsi_swarm.study.in_process import swarm_states
from wsi_swarm.swarm.state.encoding import decode

RECIPE = Recipe(rounds=6, steps=6, seed=3, hidden=16, attention=8, hyperparameters=Hyperparameters(learning_rate=5e-3))
TARGETS = ("MSI", "BRAF")
POSITIVE = {"MSI": "MSIH", "BRAF": "MUT"}


def load(folder):
    return load_cohort(folder / "clini.csv", folder / "slides.csv", folder / "features", TARGETS, POSITIVE)


@pytest.fixture(scope="module")
def cohorts(folders):
    return {name: load(folder) for name, folder in folders.items() if name != "held-out"}


@pytest.fixture(scope="module")
def test_cohort(folders):
    return load(folders["held-out"])


@pytest.fixture(scope="module")
def rows(cohorts, test_cohort):
    return compare(cohorts, test_cohort, RECIPE)


def test_all_ways_are_compared_on_the_same_patients(rows, test_cohort):
    assert [row.name for row in rows] == ["local a", "local b", "local c", MERGED, SWARM_BASIC, SWARM_WEIGHTED]
    assert [row.trained_on for row in rows] == [16, 10, 8, 34, 34, 34]
    for row in rows:
        assert (row.aurocs["MSI"].n_pos, row.aurocs["MSI"].n_neg) == test_cohort.counts("MSI")[:2]
        assert row.aurocs["BRAF"].n_pos + row.aurocs["BRAF"].n_neg == 39


def test_merged_and_swarm_learn_the_planted_signal(rows):
    for row in rows[3:]:
        assert row.aurocs["MSI"].value > 0.75


def test_a_swarm_of_one_is_local_training_but_for_fixed_point(cohorts):
    alone = train_alone(cohorts["a"], RECIPE, "alone")
    swarm = train_together({"a": cohorts["a"]}, RECIPE, weighted=True, what="swarm")
    for name, weights in alone.state.items():
        assert np.abs(weights - swarm.state[name]).max() < 1e-3, name


def test_the_weighted_swarm_follows_the_larger_centre(cohorts):
    learners = {name: RECIPE.learner(cohort) for name, cohort in cohorts.items()}
    first = learners["a"].initial_state(RECIPE.seed)
    moved = {
        n: learner.train(first, 0, RECIPE.rounds, RECIPE.steps, RECIPE.seed).state for n, learner in learners.items()
    }
    for weighted, weights in ((False, (1, 1, 1)), (True, (16, 10, 8))):
        config = RECIPE.run_config(merge_cohorts(list(cohorts.values())), weighted)
        merged = decode(next(swarm_states(config, learners)))
        for tensor in first:
            expected = np.average([moved[name][tensor] for name in "abc"], axis=0, weights=weights)
            assert np.abs(merged[tensor] - expected).max() < 1e-6


def test_the_same_seed_gives_the_same_table(cohorts, test_cohort, rows):
    again = compare({"a": cohorts["a"]}, test_cohort, RECIPE)
    assert again[0] == rows[0]
    assert compare({"a": cohorts["a"]}, test_cohort, replace(RECIPE, seed=4))[0] != rows[0]


def test_a_test_patient_that_was_trained_on_is_refused(cohorts):
    with pytest.raises(ConfigError, match="a-00 stands in two centres"):
        compare(cohorts, cohorts["a"], RECIPE)


def test_centres_with_different_features_are_refused(cohorts):
    other = replace(cohorts["b"], kind=replace(cohorts["b"].kind, encoder="else"))
    with pytest.raises(ConfigError, match="features differ"):
        merge_cohorts([cohorts["a"], other])


def test_probabilities_come_in_the_order_of_the_patients(cohorts, test_cohort):
    model = train_alone(cohorts["a"], RECIPE, "alone")
    straight = predict(model, test_cohort)
    turned = predict(model, replace(test_cohort, patients=test_cohort.patients[::-1]))
    assert np.array_equal(straight["MSI"], turned["MSI"][::-1])
    assert aurocs(straight, test_cohort)["MSI"].n_pos == 20


def test_folds_part_the_patients_and_spread_the_labels(cohorts):
    cohort = cohorts["a"]
    fold_of = split_patients(cohort, 4, seed=1)
    assert fold_of == split_patients(cohort, 4, seed=1)
    assert sorted(fold_of) == [patient.id for patient in cohort.patients]
    for fold in range(4):
        held_out, rest = part(cohort, fold_of, fold, held_out=True), part(cohort, fold_of, fold, held_out=False)
        assert {p.id for p in held_out.patients}.isdisjoint(p.id for p in rest.patients)
        assert len(held_out.patients) + len(rest.patients) == 16
        assert held_out.counts("MSI")[:2] == (2, 2)


def test_too_few_patients_for_folds_are_refused(cohorts):
    few = replace(cohorts["c"], patients=cohorts["c"].patients[:3])
    with pytest.raises(ConfigError, match="at least 2 patients of each class"):
        split_patients(few, 2, seed=0)


def test_cross_validation_judges_every_patient_once(cohorts):
    rows = cross_validate({name: cohorts[name] for name in "ab"}, replace(RECIPE, rounds=2, steps=2), folds=2)
    assert [row.name for row in rows] == ["local a", "local b", MERGED, SWARM_BASIC, SWARM_WEIGHTED]
    for row in rows:
        assert row.aurocs["MSI"].n_pos + row.aurocs["MSI"].n_neg == 26
    assert [row.trained_on for row in rows] == [8, 5, 13, 13, 13]


def test_the_table_says_the_same_in_text_markdown_and_json(rows):
    text, markdown, values = as_text(rows), as_markdown(rows), as_json(rows)
    auroc = rows[4].aurocs["MSI"]
    shown = f"{auroc.value:.2f} [{auroc.low:.2f}, {auroc.high:.2f}]"
    assert shown in text.splitlines()[5]
    assert f"| {SWARM_BASIC} | 34 | {shown} |" in markdown
    assert values[4]["auroc"]["MSI"]["value"] == pytest.approx(auroc.value)
    assert len({line.count("|") for line in markdown.splitlines()}) == 1
    assert "MSI (n = 20 + 20)" in text.splitlines()[0]
