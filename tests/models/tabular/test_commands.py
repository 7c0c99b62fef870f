"""train-table, predict, evaluate and inspect as a user types them; and the model file between them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from models.model_file import load_model, model_format, save_model
from models.tabular.learners import make_table_learner, table_hyperparameters, table_model
from models.tabular.model import TableModel, load_table_model
from models.tabular.predict import predict_table
from models.tabular.table import columns_sha256, read_measurements
from pipelines.errors import InputError
from wsi_swarm.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception is not None:
        raise done.exception
    return done.stdout


@pytest.fixture(params=["mlp", "lasso"])
def model(request: pytest.FixtureRequest, make_cohort: Callable) -> TableModel:
    learner = make_table_learner(make_cohort(30, 0), table_hyperparameters(request.param, {}))
    state = learner.train(learner.initial_state(0), 0, 1, 10, 0).state
    return table_model(learner, state, {"seed": 0})


@pytest.mark.parametrize("kind", ["mlp", "lasso"])
def test_from_tables_to_an_auroc(write_centre: Callable, tmp_path: Path, kind: str) -> None:
    a, b, test = write_centre("a", 30, 0), write_centre("b", 40, 1), write_centre("t", 40, 2)
    model, preds = tmp_path / "m.safetensors", tmp_path / "preds.csv"
    both = ("--table", a.table, "--clini", a.clini, "--table", b.table, "--clini", b.clini)
    said = run("train-table", *both, "--target", "AML", "--learner", kind, "--out", model, "--rounds", 5, "--seed", 3)
    loaded = load_table_model(model)
    assert "70 patients, 30 columns" in said
    assert loaded.sha256 in said
    provenance = loaded.spec.provenance
    assert (provenance["arm"], provenance["training"]["seed"], provenance["data"]["patients"]) == ("merged", 3, 70)
    assert str(tmp_path) not in json.dumps(provenance)
    assert '"a0"' not in json.dumps(provenance)
    assert "40 patients predicted" in run("predict", "--model", model, "--table", test.table, "--out", preds)
    made = json.loads(preds.with_suffix(".model.json").read_text("utf-8"))["model"]
    assert (made["encoder"], made["targets"][0]["name"]) == ("", "AML")
    assert made["reads"].startswith("tables of ")
    assert list(pd.read_csv(preds).columns) == ["PATIENT", "AML_yes"]
    found = json.loads(run("evaluate", "--predictions", preds, "--clini", test.clini, "--target", "AML", "--json"))
    assert found[0]["auroc"]["value"] > 0.75
    again = tmp_path / "again.safetensors"
    run("train-table", *both, "--target", "AML", "--learner", kind, "--out", again, "--rounds", 5, "--seed", 3)
    assert again.read_bytes() == model.read_bytes()


def test_a_patient_predicted_alone_needs_a_reference(write_centre: Callable, model: TableModel, tmp_path: Path) -> None:
    centre, path = write_centre("t", 20, 5), tmp_path / "m.safetensors"
    save_model(path, model)
    lines = centre.table.read_text().splitlines()
    (tmp_path / "one.csv").write_text("\n".join([lines[0], lines[7]]) + "\n")
    with pytest.raises(InputError, match="at least two patients"):
        run("predict", "--model", path, "--table", tmp_path / "one.csv", "--out", "-")
    alone = run("predict", "--model", path, "--table", tmp_path / "one.csv", "--reference", centre.table, "--out", "-")
    among = run("predict", "--model", path, "--table", centre.table, "--out", "-").splitlines()
    (_, single), (_, inside) = alone.splitlines()[1].split(","), among[7].split(",")
    assert float(single) == pytest.approx(float(inside), abs=1e-6)


def test_a_table_may_have_more_columns_in_any_order(write_centre: Callable, model: TableModel) -> None:
    table = read_measurements(write_centre("t", 12, 5).table)
    order = np.random.default_rng(0).permutation(31)
    wider = np.concatenate([table.values, np.ones((12, 1), np.float32)], axis=1)[:, order]
    names = tuple(np.array([*table.columns, "extra"])[order].tolist())
    shuffled = replace(table, columns=names, values=wider)
    assert predict_table(model, shuffled).equals(predict_table(model, table))


def test_the_file_reads_back_and_the_other_kind_is_named(
    model: TableModel, make_cohort: Callable, tmp_path: Path
) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, model)
    loaded = load_table_model(path)
    assert loaded.spec == model.spec
    assert loaded.sha256 == model.sha256
    values = make_cohort(5, 1).values
    assert np.array_equal(loaded.probabilities(values), model.probabilities(values))
    assert model_format(path) == "wsi-swarm table model 1"
    with pytest.raises(InputError, match="is a model of tables: name one with --table"):
        load_model(path)
    wrong = replace(model, state={**model.state, "extra": np.zeros(1, np.float32)})
    with pytest.raises(InputError, match="weight extra"):
        save_model(tmp_path / "x.safetensors", wrong)
    for change in ({"kind": "forest"}, {"scaling": "cube"}):
        unsound = replace(model, spec=replace(model.spec, **change))
        path.write_bytes(unsound.to_bytes())
        with pytest.raises(InputError, match=r"m\.safetensors"):
            load_table_model(path)


def test_inspect_tells_what_run_toml_wants(write_centre: Callable, model: TableModel, tmp_path: Path) -> None:
    path, centre = tmp_path / "m.safetensors", write_centre("t", 12, 5)
    save_model(path, model)
    wanted = {"columns_sha256": columns_sha256(model.spec.columns), "n_features": 30}
    for file in (path, centre.table):
        assert json.loads(run("inspect", file, "--json"))["table"] == wanted
    assert f"tables of 30 columns, sha256 {wanted['columns_sha256']}" in run("inspect", path)
    assert "patients     12" in run("inspect", centre.table)
    if model.spec.kind == "lasso":
        assert "of 30 columns have a coefficient" in run("inspect", path)
