"""``wsi-swarm study run`` on files, as a researcher calls it."""

from __future__ import annotations

import gzip
import html
import json
import shutil

import cv2
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from pipelines.errors import ConfigError
from wsi_swarm.cli.main import app
from wsi_swarm.study.plan import own_studies, read_study

SLIDES = """
name = "small"
title = "Small centres"
question = "Does it work?"
repeats = 2
metric = "auroc"
targets = [
  { name = "MSI", positive = "MSIH", negative = ["MSS"] },
  { name = "BRAF", positive = "MUT", negative = ["WT"] },
]

[learners.attention]
rounds = 2
sync_steps = 3
settings = { hidden = 8, attention = 4, bag_tiles = 8 }

[scenarios.centres]
train = ["a", "b", "c"]
test = ["held-out"]
how = "cohorts"

[scenarios.late]
train = ["a", "b", "c"]
test = 0.25
how = "cohorts"
late = { c = 1 }
arms = ["merged", "swarm basic"]

[real]
scenario = "centres"
learner = "attention"
"""
TABLE = """
name = "drawn"
title = "A drawn matrix"
question = "Does it work?"
repeats = 3
metric = "accuracy"
targets = [{ name = "cancer", positive = "AML", negative = ["ALL"] }]

[cohorts.drawn]
kind = "drawn_expression"
patients = 90
genes = 60
batches = 6
effect = 1.0

[learners.lasso]
rounds = 2
sync_steps = 10
settings = { kind = "lasso", scaling = "rank+zscore" }

[scenarios.nodes]
train = ["drawn"]
test = 0.2
how = "even"
sweep = { nodes = [2, 4] }

[scenarios.laboratories]
train = ["drawn"]
test = 0.2
how = "batch"
batch = "LAB"
nodes = 2

[real]
scenario = "laboratories"
learner = "lasso"
arm = "swarm basic"
"""


def study_file(tmp_path, text, folders=None):
    for name in folders or ():
        text += f"\n[cohorts.{name}]\nkind = 'slides'\n"
        text += f"clini = '{name}/clini.csv'\nslides = '{name}/slides.csv'\nfeatures = '{name}/features'\n"
    path = tmp_path / "study.toml"
    path.write_text(text)
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["study", "run", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture(scope="module")
def slides(folders, tmp_path_factory):
    root = tmp_path_factory.mktemp("slides")
    file = study_file(root, SLIDES, folders)
    data = folders["a"].parent
    result = run(file, "--data", data, "--out", root / "out", "--workers", "1", "--no-real-nodes", "--json")
    return file, data, root / "out", json.loads(result.stdout)


def test_the_table_has_every_arm_and_follows_from_the_predictions(slides):
    _, _, out, document = slides
    rows = pd.read_csv(out / "results.csv", keep_default_na=False, na_values=[""])
    centres = rows[rows.scenario == "centres"]
    first = centres[(centres.repeat == 0) & (centres.target == "MSI")].fillna({"node": ""})
    models = ["local a", "local b", "local c", "merged", "swarm basic", "swarm weighted"]
    assert [f"{row.arm} {row.node}".strip() for row in first.itertuples()] == models
    assert set(centres.n_test) == {39, 40}
    assert set(rows[rows.scenario == "late"].arm) == {"merged", "swarm basic"}
    with gzip.open(out / "predictions.csv.gz", "rt") as handle:
        told = pd.read_csv(handle, keep_default_na=False, na_values=[""])
    one = told[(told.scenario == "centres") & (told.arm == "merged") & (told.repeat == 1) & (told.target == "BRAF")]
    one = one[one.label.notna()]
    row = centres[(centres.arm == "merged") & (centres.repeat == 1) & (centres.target == "BRAF")].iloc[0]
    assert row.auroc == pytest.approx(roc_auc_score(one.label, one.probability))
    assert {verdict["scenario"] for verdict in document["verdicts"]} == {"centres", "late"}
    page = html.unescape((out / "study.html").read_text())
    assert all(verdict["words"].split(":")[0] in page for verdict in document["verdicts"])


def test_finished_jobs_are_kept_and_more_repeats_only_add(slides, tmp_path):
    file, data, made, _ = slides
    out = shutil.copytree(made, tmp_path / "out", copy_function=shutil.copy2)
    before = {path: path.stat().st_mtime_ns for path in (out / "jobs").iterdir()}
    assert len(before) == 4
    first = (out / "results.csv").read_bytes()
    run(file, "--data", data, "--out", out, "--workers", "1", "--no-real-nodes")
    assert (out / "results.csv").read_bytes() == first
    run(file, "--data", data, "--out", out, "--workers", "1", "--no-real-nodes", "--repeats", "3", "--only", "centres")
    after = {path: path.stat().st_mtime_ns for path in (out / "jobs").iterdir()}
    assert len(after) == 5
    assert all(after[path] == stamp for path, stamp in before.items())


@pytest.mark.slow
def test_two_workers_and_one_give_the_same_bytes_and_real_nodes_the_same_root(slides, tmp_path):
    file, data, out, _ = slides
    result = run(file, "--data", data, "--out", tmp_path / "again", "--workers", "2")
    told = json.loads((tmp_path / "again" / "results.json").read_text())
    (real,) = told["real_nodes"]
    assert real["root"] == real["root_on_chain"]
    assert (real["nodes"], real["rounds"]) == (3, 2)
    assert "real nodes: 3 processes" in result.stdout
    columns = [name for name in pd.read_csv(out / "results.csv").columns if name != "seconds"]
    here, again = (pd.read_csv(folder / "results.csv")[columns] for folder in (out, tmp_path / "again"))
    pd.testing.assert_frame_equal(here[here.repeat < 2].reset_index(drop=True), again)


@pytest.mark.slow
def test_a_table_study_with_real_nodes(tmp_path):
    file = study_file(tmp_path, TABLE)
    run(file, "--data", tmp_path, "--out", tmp_path / "out", "--workers", "1")
    told = json.loads((tmp_path / "out" / "results.json").read_text())
    (real,) = told["real_nodes"]
    assert real["root"] == real["root_on_chain"]
    rows = pd.read_csv(tmp_path / "out" / "results.csv")
    assert sorted(set(rows[rows.group == "nodes: nodes"].x)) == [2, 4]


def test_mistakes_in_a_study_file_are_named(tmp_path):
    for change, words in (
        (('train = ["drawn"]', 'train = ["dawn"]'), "names the cohort 'dawn'"),
        (('how = "batch"', 'how = "batches"'), "scenarios.laboratories.how"),
        (("nodes = [2, 4]", "rounds = [2, 4]"), "sweep takes patients or nodes"),
        (("repeats = 3", "repeat = 3"), "repeat: Extra inputs"),
        (('scenario = "laboratories"', 'scenario = "laboratory"'), r"\[real\] names scenario 'laboratory'"),
        (('arm = "swarm basic"', 'arm = "merged"'), "real.arm"),
        (("name =", "name"), "study.toml"),
        (("effect = 1.0", "efect = 1.0"), "efect"),
    ):
        file = study_file(tmp_path, TABLE.replace(*change, 1))
        with pytest.raises(ConfigError, match=words):
            run(file, "--data", tmp_path, "--out", tmp_path / "out", "--workers", "1", "--no-real-nodes")
    with pytest.raises(ConfigError, match="neither a file nor one of the studies"):
        read_study("leukemia")


def test_the_studies_that_come_along_can_be_read():
    assert set(own_studies()) == {"histopathology", "leukaemia", "tcga-seed-paper", "tuberculosis"}
    for name in own_studies():
        study = read_study(name)
        assert study.name == name
        assert study.real is not None
    listed = CliRunner().invoke(app, ["study", "list"])
    assert "tuberculosis\tTuberculosis" in listed.stdout


GALLERY = """
name = "seen"
title = "Top tiles"
question = "What do the models lean on?"
repeats = 1
targets = [{ name = "MSI", positive = "MSIH", negative = ["MSS"] }]

[cohorts.near]
kind = "drawn_slides"
patients = 4
msi_share = 0.5

[cohorts.far]
kind = "drawn_slides"
patients = 4
msi_share = 0.5

[learners.attention]
rounds = 1
sync_steps = 2
settings = { hidden = 8, attention = 4, bag_tiles = 8 }

[scenarios.two]
train = ["near", "far"]
test = 0.5
how = "cohorts"

[real]
scenario = "two"
learner = "attention"
"""


@pytest.mark.slow
def test_top_tiles_of_drawn_slides_are_shown_by_arm_and_kept(tmp_path):
    file, out = study_file(tmp_path, GALLERY), tmp_path / "out"
    run(file, "--data", tmp_path, "--out", out, "--workers", "1", "--no-real-nodes")
    (index,) = (out / "galleries").glob("*.json")
    shown = json.loads(index.read_text())
    assert list(shown) == ["local near", "local far", "merged", "swarm basic", "swarm weighted"]
    for path in shown.values():
        sheet = cv2.imread(str(out / path))
        assert sheet.shape == (320, 960, 3)
        assert sheet[:160, :160].std() > 10, "the first place holds tissue"
    assert (out / "study.html").read_text().count("data:image/jpeg") == len(shown)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.jpg")}
    run(file, "--data", tmp_path, "--out", out, "--workers", "1", "--no-real-nodes")
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.jpg")} == before
