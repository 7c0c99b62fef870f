"""train, predict and evaluate as a user types them."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from models.model_file import load_model
from wsi_swarm.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def wsi_swarm(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run a command line in this process: importing torch anew for each would take most of the time."""

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["wsi-swarm", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(ended.value.code or 0, *capfd.readouterr())

    return run


def test_train_predict_evaluate(wsi_swarm: Callable[..., Done], planted_centre: Callable, tmp_path: Path) -> None:
    a, b, test = planted_centre("A", 14, 1), planted_centre("B", 14, 2), planted_centre("X", 30, 3)
    triples = [x for c in (a, b) for x in ("--clini", c.clini, "--slides", c.slides, "--features", c.features)]
    small = ("--hidden", 16, "--attention", 8, "--seed", 7)
    model, again = tmp_path / "model.safetensors", tmp_path / "again.safetensors"
    for out in (model, again):
        done = wsi_swarm("train", *triples, "--target", "MSI", "--target", "BRAF", "--out", out, *small)
        assert done.returncode == 0, done.stderr
    assert "28 patients" in done.stdout
    assert model.read_bytes() == again.read_bytes()
    provenance = load_model(model).spec.provenance
    assert provenance["arm"] == "merged"
    assert provenance["training"]["seed"] == 7
    assert len(provenance["data"]["tables_sha256"]) == 2
    assert "A-P" not in json.dumps(provenance)
    assert str(tmp_path) not in json.dumps(provenance)

    preds = tmp_path / "preds.csv"
    tables = ("--slides", test.slides, "--features", test.features)
    assert wsi_swarm("predict", "--model", model, *tables, "--out", preds).returncode == 0
    printed = wsi_swarm("predict", "--model", model, *tables, "--out", "-")
    assert printed.stdout == preds.read_text()
    assert len(pd.read_csv(preds)) == 30
    assert sorted(path.name for path in tmp_path.glob("preds*")) == ["preds.csv", "preds.model.json"]

    out = tmp_path / "out"
    done = wsi_swarm(
        "evaluate", "--predictions", preds, "--clini", test.clini, "--target", "MSI", "--target", "BRAF", "--out", out,
        "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)
    assert metrics == json.loads((out / "metrics.json").read_text())
    assert all(entry["auroc"]["value"] > 0.9 for entry in metrics)

    (used,) = json.loads((out / "provenance.json").read_text())["models"]
    assert used["model"]["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert (used["predictions"], used["model"]["name"], used["unknown"]) == ("preds", "model.safetensors", None)
    assert used["model"]["encoder"] == load_model(model).spec.features.encoder
    assert [target["name"] for target in used["model"]["targets"]] == ["MSI", "BRAF"]
    assert str(tmp_path) not in (tmp_path / "preds.model.json").read_text()
    assert used["model"]["sha256"][:16] in (out / "report.html").read_text()
    assert "Known by hash: model file model.safetensors" in (out / "tripod_ai.csv").read_text()
    preds.write_text(preds.read_text().replace("X-P001", "X-P901"))
    done = wsi_swarm("evaluate", "--predictions", preds, "--clini", test.clini, "--target", "MSI", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "or this one was changed since" in (out / "report.html").read_text()

    (test.features / "X-P000-a.h5").unlink()
    partial = wsi_swarm("predict", "--model", model, *tables, "--out", preds)
    assert partial.returncode == 5
    assert "slide X-P000-a.svs" in partial.stderr
    assert len(pd.read_csv(preds)) == 30


def test_faults_have_a_sentence_and_the_right_exit_code(
    wsi_swarm: Callable[..., Done], planted_centre: Callable, tmp_path: Path
) -> None:
    a = planted_centre("A", 4, 1)
    given = ("--clini", a.clini, "--slides", a.slides, "--features", a.features)
    out = ("--out", tmp_path / "m.safetensors")
    for arguments, code, message in (
        (("train", *given, "--slides", a.slides, "--target", "MSI", *out), 3, "must be given equally often"),
        (("train", *given, "--target", "KRAS", *out), 3, "has no column KRAS"),
        (("train", *given[2:], "--target", "MSI", *out, "--clini", tmp_path / "none.csv"), 4, "does not exist"),
        (("predict", "--model", tmp_path / "none", *given[2:], "--out", "-"), 4, "does not exist"),
    ):
        done = wsi_swarm(*arguments)
        assert done.returncode == code, done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "m.safetensors").exists()
