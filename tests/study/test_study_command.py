"""``wsi-swarm study compare`` on files, as a data scientist calls it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from pipelines.errors import ConfigError
from wsi_swarm.cli.main import app
from wsi_swarm.study.compare.centres import parse_centre, parse_centres


def run(*arguments):
    return CliRunner().invoke(app, ["study", "compare", *arguments])


def where(folder):
    return f"{folder.name}:{folder / 'clini.csv'}:{folder / 'slides.csv'}:{folder / 'features'}"


FAST = ("--target", "MSI", "--rounds", "2", "--steps", "2")


def test_compares_on_a_held_out_cohort(folders, tmp_path):
    out = tmp_path / "result.json"
    centres = ["--centre", where(folders["a"]), "--centre", where(folders["b"])]
    result = run(*centres, "--test", where(folders["held-out"]), *FAST, "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "swarm weighted" in result.stdout
    document = json.loads(out.read_text())
    assert [row["model"] for row in document["models"]][:2] == ["local a", "local b"]
    assert document["models"][0]["auroc"]["MSI"]["n_pos"] == 20
    assert document["recipe"]["rounds"] == 2


def test_cross_validates_without_one(folders):
    result = run("--centre", where(folders["a"]), "--centre", where(folders["b"]), "--folds", "2", *FAST, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["models"][-1]["auroc"]["MSI"]["n_neg"] == 13


def test_asks_for_either_test_or_folds(folders):
    for extra in ((), ("--folds", "2", "--test", where(folders["held-out"]))):
        result = run("--centre", where(folders["a"]), *extra, *FAST)
        assert isinstance(result.exception, ConfigError)
        assert "either --test" in str(result.exception)


def test_wrongly_written_options_are_explained():
    with pytest.raises(ConfigError, match="NAME:CLINI:SLIDES:FEATURES"):
        parse_centre("north:clini.csv")
    with pytest.raises(ConfigError, match="named twice"):
        parse_centres(["a:b:c:d", "a:e:f:g"])
