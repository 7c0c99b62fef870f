"""``wsi-swarm reader``: the whole way from the command line, and its exit codes."""

from __future__ import annotations

import json
import zipfile

import pytest
from typer.testing import CliRunner

from heatmaps.readers.kit.archive import zip_bytes
from tests.heatmaps.readers.answering import answers_of, write_answers
from wsi_swarm.cli.main import app
from wsi_swarm.errors import IntegrityError

RUN = CliRunner()


def run(*words):
    return RUN.invoke(app, ["reader", *map(str, words)])


def test_example_build_verify_and_import(study, built, tmp_path):
    assert run("example").stdout.startswith("# A reader study")
    assert 'template = "ai-assistance"' in run("example", "--template", "ai-assistance").stdout
    out = tmp_path / "out"
    done = run("build", study.file, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    kits = [out / "kits" / kit["file"] for kit in json.loads(done.stdout)["kits"]]
    done = run("verify", *kits, "--key", out / "key" / "key.json", "--json")
    assert done.exit_code == 0
    assert [proof["blinded"] for proof in json.loads(done.stdout)] == [True, True]
    assert "drawn-R1.zip: BLINDED" in run("verify", kits[0], "--key", out / "key" / "key.json").stdout
    answers = write_answers(tmp_path / "a.json", answers_of(built, "R1"))
    done = run("import", answers, "--key", built.key, "--out", tmp_path / "t.csv", "--json")
    assert done.exit_code == 0
    summary = json.loads(done.stdout)
    assert summary["rows"] == 48
    assert not summary["complete"]
    assert (tmp_path / "t.csv").read_text().startswith("reader,item,group,question,answer,seconds,repeat_of,")


def test_a_study_that_would_tell_leaves_no_kit_behind_and_the_next_try_works(study, tmp_path):
    study.change("Drawn tiles", "Tiles of PAT-7001")
    done = run("build", study.file, "--out", tmp_path / "out")
    assert isinstance(done.exception, IntegrityError)
    assert done.exception.exit_code == 8
    assert 'drawn-R1.zip: index.html names a patient ("PAT-7001")' in str(done.exception)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    study.change("Tiles of PAT-7001", "Drawn tiles")
    assert run("build", study.file, "--out", tmp_path / "out").exit_code == 0


def test_a_broken_kit_ends_with_8_and_names_the_file(built, tmp_path):
    kit = tmp_path / built.kits[0].name
    with zipfile.ZipFile(built.kits[0]) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    kit.write_bytes(zip_bytes(files | {"index.html": files["index.html"].replace(b"Drawn tiles", b"Drawn  tiles")}))
    done = run("verify", kit, "--key", built.key)
    assert "drawn-R1.zip: NOT BLINDED" in done.stdout
    assert "leak: index.html differs from what the key" in done.stdout
    assert isinstance(done.exception, IntegrityError)


def test_changed_answers_end_with_8(built, tmp_path):
    answers = write_answers(tmp_path / "a.json", answers_of(built, "R1"))
    answers.write_text(answers.read_text().replace('"edits": 0', '"edits": 1', 1))
    done = run("import", answers, "--key", built.key, "--out", tmp_path / "t.csv")
    assert isinstance(done.exception, IntegrityError)
    assert not (tmp_path / "t.csv").exists()


@pytest.mark.parametrize("command", ["build", "verify", "import", "example"])
def test_every_command_explains_itself(command):
    assert run(command, "--help").exit_code == 0
