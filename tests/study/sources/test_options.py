"""Options of cohorts: every mistake ends in one sentence that names it and what there is instead."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.errors import ConfigError, InputError
from wsi_swarm.study.sources import KINDS, load_source
from wsi_swarm.study.sources.record import RECORD

if TYPE_CHECKING:
    from pathlib import Path

DRAWN: dict[str, Any] = {"patients": 12, "genes": 40}


def refused(folder: Path, kind: str, options: dict[str, Any]) -> str:
    with pytest.raises((ConfigError, InputError)) as error:
        load_source("north", kind, options, folder, folder / "work", 1)
    sentence = str(error.value)
    assert "\n" not in sentence
    return sentence


def test_an_unknown_kind_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    sentence = refused(tmp_path, "excel", {})
    assert "'north'" in sentence
    assert all(kind in sentence for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_option_is_refused_with_the_known_ones(tmp_path: Path, kind: str) -> None:
    sentence = refused(tmp_path, kind, {"colour": "red"})
    assert "colour is unknown" in sentence
    required = [name for name, field in KINDS[kind].options.model_fields.items() if field.is_required()]
    assert required
    for name in required:
        assert f"{name} is missing" in sentence
    assert f"kind '{kind}' takes {required[0]}" in sentence
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("drawn_expression", {"patients": 0}, "patients: "),
        ("drawn_expression", {"patients": 10, "prevalence": 1.0}, "prevalence: "),
        ("drawn_expression", {"patients": 10, "effect": float("nan")}, "effect: "),
        ("drawn_slides", {"patients": "many", "msi_share": 0.5}, "patients: input should be a valid integer"),
        ("drawn_slides", {"patients": [3, 4], "msi_share": 0.5}, "patients has 2 values for 1 centres"),
        ("drawn_slides", {"patients": 3, "msi_share": 0.5, "centre": ["a", "a"]}, "each only once"),
        ("drawn_slides", {"patients": 3, "msi_share": 0.5, "centre": "../a"}, "centre: "),
        ("drawn_slides", {"patients": 3, "msi_share": 0.5, "side_um": [900, 800]}, "is no range"),
        ("seed_paper", {"folder": "x", "site": "C"}, "site: input should be 'A' or 'B', not 'C'"),
        ("golub", {"folder": "nowhere"}, "folder = 'nowhere' is no folder"),
        ("table", {"table": "a.csv", "clini": "b.csv"}, "table = 'a.csv' is no file"),
        ("slides", {"clini": "a.csv", "slides": "b.csv", "features": "c"}, "clini = 'a.csv' is no file"),
        ("expression", {"expression": "a", "meta": "b", "target": "T", "order": "time"}, "name person"),
    ],
)
def test_an_impossible_option_is_named(tmp_path: Path, kind: str, options: dict[str, Any], said: str) -> None:
    assert said in refused(tmp_path, kind, options)


def test_a_folder_made_with_other_settings_is_refused_and_says_which(tmp_path: Path) -> None:
    load_source("north", "drawn_expression", DRAWN, tmp_path, tmp_path / "work", 1)
    with pytest.raises(ConfigError, match=r"genes 40 there, 41 asked for.*--out"):
        load_source("north", "drawn_expression", {**DRAWN, "genes": 41}, tmp_path, tmp_path / "work", 1)
    with pytest.raises(ConfigError, match="seed 1 there, 2 asked for"):
        load_source("north", "drawn_expression", DRAWN, tmp_path, tmp_path / "work", 2)
    settings = json.loads((tmp_path / "work" / RECORD).read_text())["settings"]
    assert settings["kind"] == "drawn_expression"
    assert settings["genes"] == 40


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / RECORD).write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        load_source("north", "drawn_expression", DRAWN, tmp_path, tmp_path / "work", 1)
