"""Many slides, several models: what is done, what is named, what is left alone."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.model_file import load_model, save_model
from models.predict import predict_bag
from pipelines.features import read_features, write_features
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

STRENGTHS = {"one": 1.0, "two": 0.5, "three": 2.0}


@dataclass(frozen=True)
class Cohort:
    folder: Path
    features: Path
    slides: Path
    table: Path
    model: Path


@pytest.fixture
def cohort(case, tmp_path: Path) -> Cohort:
    """Three slides whose evidence differs in strength, and a table that tells their patients."""
    found = Cohort(tmp_path, tmp_path / "uni", tmp_path / "slides", tmp_path / "slides.csv", case.model)
    found.slides.mkdir()
    features = read_features(case.features)
    for name, strength in STRENGTHS.items():
        stronger = replace(features, slide_id=name, features=(features.features * strength).astype(np.float16))
        write_features(found.features / f"{name}.h5", stronger)
        shutil.copy(case.slide, found.slides / f"{name}.tif")
    found.table.write_text("PATIENT,FILENAME\np1,one.tif\np1,two.tif\np2,three\n")
    return found


def rows(text: str) -> dict[str, dict[str, str]]:
    return {row["slide"]: row for row in csv.DictReader(io.StringIO(text), delimiter="\t")}


def test_every_slide_has_its_folder_and_the_probability_of_predict(heatmap, cohort) -> None:
    asked = ("--cohort", cohort.table, "--features", cohort.features, "--slides", cohort.slides, "--out", "out")
    code, out, _ = heatmap(*asked, "--model", cohort.model)
    assert code == 0
    found = rows(out)
    assert list(found) == list(STRENGTHS)
    assert [row["patient"] for row in found.values()] == ["p1", "p1", "p2"]
    for name, row in found.items():
        expected = predict_bag(load_model(cohort.model), read_features(cohort.features / f"{name}.h5").features)
        assert (row["state"], float(row["MSI_MSIH"]), float(row["BRAF_MUT"])) == ("made", *expected.values())
        assert (cohort.folder / "out" / name / "contact-MSI.png").is_file()


def test_a_bad_slide_is_named_the_others_go_on_and_the_next_run_does_only_what_is_left(heatmap, cohort) -> None:
    two = cohort.features / "two.h5"
    whole = two.read_bytes()
    two.write_bytes(whole[:2000])
    (cohort.slides / "three.tif").unlink()
    asked = ("--cohort", cohort.features, "--slides", cohort.slides, "--out", "out", "--model", cohort.model)
    code, out, err = heatmap(*asked)
    assert code == 5
    assert {name: row["state"] for name, row in rows(out).items()} == {
        "one": "made",
        "two": "failed",
        "three": "failed",
    }
    assert "two.h5 is not a whole feature file" in rows(out)["two"]["reason"]
    assert "no slide called three" in err
    assert "2 of 3 heatmaps failed" in err
    two.write_bytes(whole)
    report = cohort.folder / "out" / "one" / "report.html"
    written = report.stat().st_mtime_ns
    code, out, _ = heatmap(*asked)
    assert {name: row["state"] for name, row in rows(out).items()} == {
        "one": "reused",
        "two": "made",
        "three": "failed",
    }
    assert report.stat().st_mtime_ns == written
    assert rows(out)["one"]["MSI_MSIH"] != ""


def test_one_scale_for_all_slides_is_that_of_all_their_tiles(heatmap, cohort) -> None:
    (cohort.features / "broken.h5").write_text("no feature file")
    asked = ("--cohort", cohort.features, "--out", "out", "--model", cohort.model, "--clip", "cohort", "--json")
    code, out, _ = heatmap(*asked)
    assert code == 5
    document = json.loads(out)
    done = {one["slide"]: one for one in document["slides"] if one["state"] == "made"}
    assert set(done) == set(STRENGTHS)
    values = []
    for name in STRENGTHS:
        with (cohort.folder / "out" / name / "scores.csv").open() as table:
            values += [abs(float(row["contribution_MSI"])) for row in csv.DictReader(table)]
    expected = np.percentile(values, 99, method="higher")
    for one in done.values():
        scale = one["targets"][0]["scale"]
        assert scale["clip"] == pytest.approx(expected, rel=1e-6)
        assert "over the cohort (slides: 3)" in scale["rule"]
    assert json.loads(heatmap(*asked)[1])["slides"][1]["state"] == "reused"
    # Another slide moves the scale, and so every picture.
    (cohort.features / "three.h5").unlink()
    document = json.loads(heatmap(*asked)[1])
    assert {one["slide"]: one["state"] for one in document["slides"]} == {
        "broken": "failed",
        "one": "made",
        "two": "made",
    }


def test_several_models_have_folders_of_their_own(heatmap, cohort, make_model, case) -> None:
    other = cohort.folder / "swarm.safetensors"
    save_model(other, make_model(bias=1.5))
    both = ("--model", cohort.model, "--model", other, "--out", "out")
    code, out, _ = heatmap("--cohort", cohort.features, *both)
    assert code == 0
    found = list(csv.DictReader(io.StringIO(out), delimiter="\t"))
    assert [row["model"] for row in found] == ["model"] * 3 + ["swarm"] * 3
    assert float(found[3]["MSI_MSIH"]) > float(found[0]["MSI_MSIH"])
    assert (cohort.folder / "out" / "swarm" / "one" / "report.html").is_file()
    code, out, err = heatmap("--features", cohort.features / "one.h5", *both, "--json")
    assert code == 0
    assert [(one["model"], one["reused"]) for one in json.loads(out)["models"]] == [("model", True), ("swarm", True)]
    assert "no tile pictures" in err
    twin = cohort.folder / "other" / "swarm.safetensors"
    twin.parent.mkdir()
    save_model(twin, make_model())
    code, _, err = heatmap("--cohort", cohort.features, *both, "--model", twin)
    assert (code, "would share the folder" in err) == (3, True)


def test_a_feature_file_named_after_another_slide_does_not_take_its_folder(heatmap, cohort) -> None:
    (cohort.features / "two.h5").rename(cohort.features / "zwei.h5")
    shutil.copy(cohort.features / "one.h5", cohort.features / "uno.h5")
    code, out, _ = heatmap("--cohort", cohort.features, "--out", "out", "--model", cohort.model)
    assert code == 5
    assert "belongs to slide one" in rows(out)["uno"]["reason"]
    assert "belongs to slide two" in rows(out)["zwei"]["reason"]
    assert sorted(path.name for path in (cohort.folder / "out").iterdir()) == ["one", "three"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cohort", "slides.csv"], "--features is missing"),
        (["--cohort", "uni", "--features", "uni"], "leave --features out"),
        (["slides/one.tif", "--cohort", "uni"], "one slide and --cohort"),
        (["--features", "uni"], "give the folder to --cohort"),
        (["--features", "uni/one.h5", "--slides", "slides"], "goes with --cohort"),
        (["--features", "uni/one.h5", "--clip", "cohort"], "--clip cohort"),
        (["--features", "uni/one.h5", "--clip", "much"], "positive number"),
        (["--features", "uni/one.h5", "--top", "0"], "--top is 0"),
        (["--cohort", "absent.csv"], "does not exist"),
        ([], "--features is missing"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_written(
    heatmap, cohort, words: list[str], message: str
) -> None:
    code, out, err = heatmap(*words, "--model", cohort.model, "--out", "out")
    assert (code, out) == (3, "")
    assert message in err
    assert not (cohort.folder / "out").exists()


def test_an_interrupted_run_goes_on_where_it_stopped(cohort, tmp_path: Path) -> None:
    # A background shell begins its jobs with SIGINT ignored; the command must hear it wherever the tests run.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program = [sys.executable, "-c", f"{heard}from wsi_swarm.cli.main import main; main()"]
    words = [
        "heatmap",
        "--cohort",
        cohort.table,
        "--features",
        cohort.features,
        "--model",
        cohort.model,
        "--out",
        "out",
    ]
    command = [*program, *map(str, words)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until("the first heatmap", lambda: next(iter((tmp_path / "out").glob("*/heatmap.json")), None))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    done = {path.parent.name: path.read_bytes() for path in (tmp_path / "out").glob("*/heatmap.json")}
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    states = {name: row["state"] for name, row in rows(again.stdout).items()}
    assert set(states) == set(STRENGTHS)
    assert {name for name, state in states.items() if state == "reused"} == set(done)
    assert all((tmp_path / "out" / name / "heatmap.json").read_bytes() == data for name, data in done.items())
    assert not list((tmp_path / "out").rglob("*.tmp"))
