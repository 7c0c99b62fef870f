from __future__ import annotations

import csv
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.model_file import Model, ModelSpec, load_model, save_model
from models.predict import predict_bag
from pipelines.features import write_features
from pipelines.geojson import feature, write_geojson
from tests.heatmaps.evaluation.bags import KIND, TARGET, features_of
from wsi_swarm.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

SLIDES = 6
TILES = 40
TUMOUR = 10
"""The first so many tiles of the positive slides speak for the class and lie in the annotation."""


@pytest.fixture
def centre(tmp_path: Path) -> SimpleNamespace:
    """Six slides of three patients, a model that knows two features, and annotations of the positive slides."""
    spec = ModelSpec((TARGET,), KIND, KIND.dim, 4)
    state = spec.first_state(1)
    state["embed.weight"], state["embed.bias"] = np.eye(KIND.dim, dtype="f4"), np.zeros(KIND.dim, "f4")
    state["head.weight"] = np.zeros((1, KIND.dim), "f4")
    state["head.weight"][0, :2], state["head.bias"] = (12, -12), np.zeros(1, "f4")
    model = Model(state, spec)
    save_model(tmp_path / "model.safetensors", model)
    rng = np.random.default_rng(0)
    rows, labels = ["PATIENT,FILENAME"], ["PATIENT,MSI"]
    for index in range(SLIDES):
        positive = index < SLIDES // 2 + 1
        vectors = rng.uniform(0, 0.05, (TILES, KIND.dim))
        vectors[:TUMOUR, 0 if positive else 1] += 2
        features = features_of(f"s{index}", vectors)
        assert (predict_bag(model, features.features)["MSI"] > 0.5) == positive
        write_features(tmp_path / "features" / f"s{index}.h5", features)
        rows.append(f"p{index % 3},s{index}.h5")
        if positive:
            # Tiles lie in rows of 20, so that the first ten are the left half of the first row.
            ring = [(0.0, 0.0), (10.0 * TUMOUR, 0.0), (10.0 * TUMOUR, 9.5), (0.0, 9.5), (0.0, 0.0)]
            areas = [feature("a", "annotation", [ring])]
            write_geojson(tmp_path / "drawn" / f"s{index}.geojson", areas)
    labels += ["p0,MSIH", "p1,MSIH", "p2,MSS"]
    (tmp_path / "slides.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "clini.csv").write_text("\n".join(labels) + "\n")
    return SimpleNamespace(folder=tmp_path, words=["--model", "model.safetensors", "--features", "features"])


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], centre: SimpleNamespace):
    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["wsi-swarm", "heatmap", "evaluate", *centre.words, *map(str, words)])
        monkeypatch.chdir(centre.folder)
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0), *capsys.readouterr()

    return call


def test_table_json_and_csv_say_the_same(run, centre) -> None:
    words = ("--annotations", "drawn", "--seed", 3, "--out", "out")
    code, text, _ = run(*words)
    assert code == 0
    code, printed, _ = run(*words, "--json")
    assert code == 0
    document = json.loads(printed)
    assert document == json.loads((centre.folder / "out" / "evaluation.json").read_text())
    assert set(document["summary"]) == {"contribution", "attention", "single", "ig", "random"}
    rows = list(csv.DictReader((centre.folder / "out" / "slides.csv").open()))
    assert len(rows) == SLIDES * 5
    for name, numbers in document["summary"].items():
        gains = [float(row["gain"]) for row in rows if row["method"] == name]
        assert numbers["gain"]["mean"] == pytest.approx(np.mean(gains))
        assert f"{numbers['gain']['mean']:.3f} [{numbers['gain']['low']:.3f}," in text
    curves = list(csv.DictReader((centre.folder / "out" / "curves.csv").open()))
    assert len(curves) == 101
    most_first = document["mean_curves"]["contribution"]["most_first"]
    assert float(curves[100]["contribution_most_first"]) == pytest.approx(most_first[100], abs=1e-6)


def test_planted_tissue_is_found_inside_what_was_drawn(run) -> None:
    document = json.loads(run("--annotations", "drawn", "--json")[1])
    assert document["slides_annotated"] == SLIDES // 2 + 1
    found = document["summary"]["contribution"]
    assert found["auroc"]["mean"] == found["pointing"]["mean"] == found["top_percent"]["mean"] == 1
    assert found["auroc"]["slides"] == SLIDES // 2 + 1
    assert found["gain"]["low"] > 0
    assert 0.2 < document["summary"]["random"]["auroc"]["mean"] < 0.8


def test_negative_slides_are_explained_as_negative(run) -> None:
    document = json.loads(run("--method", "contribution", "--method", "single", "--redraws", 0, "--json")[1])
    negative = [one for one in document["slides"] if one["explained"] == "negative"]
    assert len(negative) == SLIDES - SLIDES // 2 - 1
    assert all(one["methods"][name]["gain"] > 0.05 for one in negative for name in ("contribution", "single"))
    assert all(one["methods"]["contribution"]["redrawn"] is None for one in negative)


def test_slides_that_the_model_gets_wrong_are_left_out_and_counted(run) -> None:
    document = json.loads(run("--clini", "clini.csv", "--slides", "slides.csv", "--redraws", 0, "--json")[1])
    # p0: s0, s3 positive; p1: s1 positive, s4 negative; p2 is negative: s2 positive, s5 negative.
    assert document["slides_wrongly_classified"] == ["s4", "s2"]
    assert [one["slide"] for one in document["slides"]] == ["s0", "s3", "s1", "s5"]
    assert document["intervals_over"] == "patients"


def test_same_seed_same_numbers(run) -> None:
    words = ("--method", "attention", "--json")
    assert run(*words, "--seed", 1)[1] == run(*words, "--seed", 1)[1]
    one, other = (json.loads(run(*words, "--seed", seed)[1])["summary"]["random"]["gain"] for seed in (1, 2))
    assert one != other


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--method", "gradcam"], 3, "there is no method 'gradcam'"),
        (["--annotations", "nowhere"], 3, "--annotations nowhere is no folder"),
        (["--clini", "clini.csv"], 3, "give --slides"),
        (["--occlude", "2"], 3, "--occlude is a setting of --method occlusion"),
        (["--target", "KRAS"], 4, "knows no target 'KRAS'"),
    ],
)
def test_refusals_are_one_sentence(run, words: list[str], code: int, sentence: str) -> None:
    found, out, err = run(*words)
    assert (found, out) == (code, "")
    assert sentence in err


def test_project_file_reaches_the_subcommand(run, centre) -> None:
    (centre.folder / "wsi-swarm.toml").write_text('[heatmap.evaluate]\nredraws = 0\nmethod = ["single"]\n')
    document = json.loads(run("--json")[1])
    assert document["redraws"] == 0
    assert set(document["summary"]) == {"single", "random"}


def test_models_of_other_seeds_are_held_against_it(run, centre) -> None:
    model = load_model(centre.folder / "model.safetensors")
    turned = Model({**model.state, "head.weight": -model.state["head.weight"]}, model.spec)
    louder = Model({**model.state, "head.weight": 2 * model.state["head.weight"]}, model.spec)
    save_model(centre.folder / "turned.safetensors", turned)
    save_model(centre.folder / "louder.safetensors", louder)
    words = ("--method", "contribution", "--redraws", 0, "--json", "--other-model")
    alike = json.loads(run(*words, "louder.safetensors")[1])["summary"]["contribution"]
    assert alike["stability"]["mean"] == pytest.approx(1)
    assert alike["top_overlap"]["mean"] == 1
    both = json.loads(run(*words, "louder.safetensors", "--other-model", "turned.safetensors")[1])
    assert both["summary"]["contribution"]["stability"]["mean"] == pytest.approx(0, abs=1e-9)
    assert both["other_models_sha256"] == [louder.sha256, turned.sha256]


def test_a_model_of_other_features_is_no_other_seed(run, centre) -> None:
    model = load_model(centre.folder / "model.safetensors")
    kind = replace(model.spec.features, encoder="another")
    save_model(centre.folder / "b.safetensors", Model(model.state, replace(model.spec, features=kind)))
    code, _, err = run("--other-model", "b.safetensors")
    assert code == 4
    assert "another" in err
