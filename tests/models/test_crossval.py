"""Folds, the inner split, and that nothing of a test fold reaches a model."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd
import pytest

from models.aggregators import AGGREGATORS
from models.cohort import Cohort, load_cohort
from models.crossval import Plan, candidates, cohort_labels, ensemble, run_fold
from models.hyperparameters import Hyperparameters
from models.mil_learner import MilLearner, spec_for
from models.model_file import load_model
from models.predict import predict_bag
from models.splits import deal, load_folds, make_folds, save_folds
from pipelines.errors import ConfigError, InputError
from wsi_swarm.cli.learning_options import AggregatorName
from wsi_swarm.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL = ("--hidden", 16, "--attention", 8, "--rounds", 2, "--steps", 5)


def test_dealing_keeps_every_combination_of_labels_even() -> None:
    labels = np.array([[i % 2, np.nan if i % 7 == 0 else i % 3 == 0] for i in range(101)], float)
    parts = deal(labels, 5, seed=1)
    assert sorted(np.bincount(parts)) == [20, 20, 20, 20, 21]
    for pattern in ({1.0}, {0.0}):
        counts = np.bincount(parts[[row in pattern for row in labels[:, 0]]], minlength=5)
        assert counts.max() - counts.min() <= 3
    assert not np.array_equal(parts, deal(labels, 5, seed=2))
    assert np.array_equal(parts, deal(labels, 5, seed=1))


def test_folds_share_nobody_test_everybody_once_and_survive_their_file(tmp_path: Path) -> None:
    ids, labels = [f"p{i}" for i in range(40)], (np.arange(40) % 4 == 0).astype(float)[:, None]
    folds = make_folds(ids, labels, 4, seed=0)
    assert sorted(name for fold in folds for name in fold.test) == sorted(ids)
    for fold in folds:
        assert sorted([*fold.train, *fold.validation, *fold.test]) == sorted(ids)
    save_folds(tmp_path / "splits.json", folds)
    assert load_folds(tmp_path / "splits.json", ids) == folds
    with pytest.raises(ConfigError, match="does not fit"):
        load_folds(tmp_path / "splits.json", ids[1:])
    (tmp_path / "splits.json").write_text("{}")
    with pytest.raises(InputError, match="no file of splits"):
        load_folds(tmp_path / "splits.json", ids)
    by_site = make_folds(ids, labels, 4, 0, {name: "ABC"[i % 3] for i, name in enumerate(ids)})
    assert [fold.name for fold in by_site] == ["A", "B", "C"]
    assert by_site[1].test == tuple(ids[1::3])
    with pytest.raises(ConfigError, match="lacks a class"):
        make_folds(ids, np.eye(40)[:, :1], 4, seed=0)


@pytest.fixture
def cohort(planted_centre: Callable) -> Cohort:
    centre = planted_centre("A", 20, 1)
    return load_cohort(centre.clini, centre.slides, centre.features, ["MSI", "BRAF"])


def cross(cohort: Cohort, folds: Any, tried: list[Hyperparameters] | None = None) -> Any:
    learner = MilLearner(cohort, spec_for(cohort, 16, 8), Hyperparameters(bag_tiles=16))
    plan = Plan(rounds=3, steps=4, patience=2)
    return run_fold(learner, cohort, folds[0], tried or [learner.hyperparameters], plan, {"software": "test"})


def test_poisoned_labels_and_features_of_the_test_fold_change_no_model(cohort: Cohort) -> None:
    """Flip every test label and drop those patients' order: stopping, choice and weights stay what they were."""
    ids = [patient.id for patient in cohort.patients]
    folds = make_folds(ids, cohort_labels(cohort), 4, seed=0)
    tried = candidates(Hyperparameters(bag_tiles=16), {"learning_rate": [1e-3, 1e-2]})

    def poisoned(names: tuple[str, ...]) -> Cohort:
        flipped = [
            replace(p, labels={name: 1 - label for name, label in p.labels.items()}) if p.id in names else p
            for p in cohort.patients
        ]
        return replace(cohort, patients=tuple(flipped))

    honest, same = cross(cohort, folds, tried), cross(poisoned(folds[0].test), folds, tried)
    assert honest.model.to_bytes() == same.model.to_bytes()
    assert (honest.tried, honest.chosen) == (same.tried, same.chosen)
    assert honest.predictions.equals(same.predictions)
    # The same poison where it may be seen does change the model, so this test can fail.
    for part in (folds[0].train, folds[0].validation):
        assert cross(poisoned(part), folds, tried).tried != honest.tried
    assert sorted(honest.predictions["PATIENT"]) == sorted(folds[0].test)


def test_an_ensemble_says_the_mean_of_its_members_logits(cohort: Cohort) -> None:
    folds = make_folds([p.id for p in cohort.patients], cohort_labels(cohort), 4, seed=0)
    models = [cross(cohort, folds[number:]).model for number in (0, 1)]
    both = ensemble(models, {"arm": "crossval"})
    tiles = np.random.default_rng(0).normal(size=(9, 16))

    def logit(p: float) -> float:
        return float(np.log(p / (1 - p)))

    expected = np.mean([logit(predict_bag(model, tiles)["MSI"]) for model in models])
    assert logit(predict_bag(both, tiles)["MSI"]) == pytest.approx(expected, abs=1e-5)
    with pytest.raises(ConfigError, match="at least two"):
        ensemble(models[:1], {})
    with pytest.raises(ConfigError, match="cannot be trained"):
        MilLearner(cohort, both.spec)


def test_crossval_as_a_user_types_it(
    planted_centre: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["wsi-swarm", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0

    centre = planted_centre("A", 40, 1)
    tables = ("--slides", centre.slides, "--features", centre.features)
    fixed = ("crossval", *tables, "--clini", centre.clini, "--target", "MSI", *SMALL)
    first, again = tmp_path / "first", tmp_path / "again"
    assert run(*fixed, "--folds", 3, "--try", "learning_rate=0.001,0.01", "--out", first) == 0, capfd.readouterr().err
    assert run(*fixed, "--splits", first / "splits.json", "--try", "learning_rate=0.001,0.01", "--out", again) == 0
    names = ("splits.json", "patient-preds.csv", "crossval.json", "fold-2.safetensors", "ensemble.safetensors")
    for name in names:
        assert (first / name).read_bytes() == (again / name).read_bytes(), name
    table = pd.read_csv(first / "patient-preds.csv")
    assert len(table) == 40
    assert set(table["FOLD"]) == {1, 2, 3}
    told = json.loads((first / "crossval.json").read_text())
    assert [len(fold["tried"]) for fold in told["folds"]] == [2, 2, 2]
    ensemble_file = first / "ensemble.safetensors"
    assert load_model(ensemble_file).spec.members == 3
    assert run("predict", "--model", ensemble_file, *tables, "--out", tmp_path / "preds.csv") == 0
    assert run(*fixed, "--try", "learning_rate=fast", "--out", again) == 3
    assert "learning_rate" in capfd.readouterr().err
    lines = centre.clini.read_text().splitlines()
    sites = [f"{line},{'SITE' if not i else 'NS'[i % 2]}" for i, line in enumerate(lines)]
    centre.clini.write_text("\n".join(sites) + "\n")
    assert run(*fixed, "--group-by", "SITE", "--out", again) == 0, capfd.readouterr().err
    assert set(pd.read_csv(again / "patient-preds.csv")["FOLD"]) == {"N", "S"}


def test_the_command_line_knows_every_aggregator() -> None:
    assert set(get_args(AggregatorName)) == set(AGGREGATORS)
