"""Every kind of learner in real nodes: three train-swarm processes end with the same model of tables."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.tabular.model import load_table_model
from models.tabular.table import columns_sha256
from tests.faults.conftest import Swarm, environment, run_config, wsi_swarm
from wsi_swarm.swarm.config import RunConfig, TableConfig, run_config_toml
from wsi_swarm.swarm.ledger.base import Final
from wsi_swarm.swarm.state.encoding import encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GENES = tuple(f"g{number:02}" for number in range(20))


def write_table(folder: Path, patients: int, seed: int) -> None:
    """Write a table for the patients of the centre's clini.csv, whose odd ones are negative."""
    noise = np.random.default_rng(seed)
    with (folder / "table.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("PATIENT", *GENES))
        for number in range(patients):
            values = noise.normal(0, 1, len(GENES)) + np.eye(len(GENES))[0] * 3.0 * (number % 2 == 0)
            rows.writerow((f"p{seed}-{number:03d}", *(f"{value:.4f}" for value in values)))


def start(swarm: Swarm, name: str, *more: object) -> None:
    """Start a centre's node on its table; its words go where the fixture looks for them."""
    folder = swarm.root / name
    command = [sys.executable, "-m", "wsi_swarm.cli.main", "train-swarm", "--clini", folder / "clini.csv"]
    command += ["--table", folder / "table.csv", "--state", folder / "state", "--dir", folder, "--rpc", swarm.rpc]
    command += ["--run", swarm.root / "run.toml", "--federation", swarm.root / "federation.json", *more]
    with (folder / "node.log").open("a") as log, (folder / "result.txt").open("w") as out:
        swarm.processes[name] = subprocess.Popen(
            [str(word) for word in command], stdout=out, stderr=log, text=True, env=environment()
        )


def config_of(kind: str, **changes: object) -> RunConfig:
    table = TableConfig(columns_sha256=columns_sha256(GENES), n_features=len(GENES))
    learner = {"kind": kind, "scaling": "rank"}
    return run_config(features=None, table=table, learner=learner, **changes)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mlp", "lasso"])
def test_three_nodes_learn_from_tables(new_swarm: Callable[..., Swarm], kind: str) -> None:
    swarm = new_swarm(config_of(kind))
    for number, name in enumerate(swarm.names):
        write_table(swarm.root / name, 6 + 2 * number, number)
        start(swarm, name)
    swarm.propose("a")
    models = {name: swarm.wait(name) for name in swarm.names}
    state = swarm.reader.run(1)
    assert {root for _, root in models.values()} == {state.base_root.hex()}
    assert len({path.read_bytes() for path, _ in models.values()}) == 1
    model = load_table_model(models["a"][0])
    assert (model.spec.kind, model.spec.columns) == (kind, GENES)
    assert encode(model.state, swarm.config.fraction_bits).root == state.base_root
    assert swarm.audit("b").returncode == 0

    predictions = swarm.root / "preds.csv"
    folder = swarm.root / "c"
    wsi_swarm("predict", "--model", models["c"][0], "--table", folder / "table.csv", "--out", predictions)
    judged = ("--clini", folder / "clini.csv", "--target", "MSI", "--json")
    told = json.loads(wsi_swarm("evaluate", "--predictions", predictions, *judged).stdout)
    assert 0.0 <= told[0]["auroc"]["value"] <= 1.0


@pytest.mark.slow
def test_a_run_goes_on_from_an_old_runs_model(new_swarm: Callable[..., Swarm]) -> None:
    """Centre c lost its copy of the old model and has the first state from the others, the memory of the merge too."""
    swarm = new_swarm(config_of("lasso", rounds=2))
    for number, name in enumerate(swarm.names):
        write_table(swarm.root / name, 6 + 2 * number, number)
        start(swarm, name)
    swarm.propose("a")
    old = {name: swarm.wait(name) for name in swarm.names}
    new = config_of("lasso", rounds=2, start_root=old["a"][1], merge={"rule": "momentum", "momentum": 0.5})
    (swarm.root / "run.toml").write_text(run_config_toml(new))
    start(swarm, "a", "--start-model", old["a"][0])
    start(swarm, "b", "--start-model", old["b"][0])
    start(swarm, "c")
    swarm.call("a", "start", "--run", swarm.root / "run.toml", "--start-model", old["a"][0])
    models = {name: swarm.wait(name) for name in swarm.names}
    state = swarm.reader.run(2)
    assert {root for _, root in models.values()} == {state.base_root.hex()}
    assert len({path.read_bytes() for path, _ in models.values()}) == 1
    assert load_table_model(models["c"][0]).spec.provenance["run"]["start_root"] == old["c"][1]
    everybody = {swarm.index(name) for name in swarm.names}
    last = [event for event in swarm.reader.events()[0] if isinstance(event, Final) and event.run == 2]
    assert [event.contributors for event in last] == [everybody] * 2, swarm.log("c")
