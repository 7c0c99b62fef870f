"""Tile plausibility: from real kits through reader import to effects that were planted in the answers."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

from heatmaps.readers.analysis.analyse import Options, analyse
from heatmaps.readers.analysis.files import as_document
from heatmaps.readers.answers.import_answers import import_answers
from heatmaps.readers.kit.key import read_key
from tests.heatmaps.readers.analysis.simulated import Row, plausibility, write_table
from tests.heatmaps.readers.answering import answers_of, write_answers
from wsi_swarm.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from heatmaps.readers.kit.build import Built


def document(path: Path, **options: Any) -> dict[str, Any]:
    return as_document(analyse(path, Options(**options)), "test")


def table(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return next(section["tables"][name] for section in found["sections"] if name in section["tables"])


def planted_answers(built: Built, reader: str, folder: Path) -> Path:
    """Mucin in 80 % of the model's tiles and 20 % of the controls, and a support that follows what is there."""
    key, _ = read_key(built.key)
    opaque = {one.opaque: one.item for one in key.showings[reader]}
    own = np.random.default_rng(ord(reader[-1]))

    def change(told: dict[str, Any]) -> None:
        for answer in told["answers"]:
            item = opaque[answer["item"]]
            there = np.random.default_rng(int(item[-4:])).random() < (
                0.8 if key.item(item).group == "model-top" else 0.2
            )
            seen = there if own.random() < 0.9 else not there
            answer["values"]["features"] = ["mucin"] if seen else ["none"]
            answer["values"]["supports"] = int(np.clip(round(own.normal(4 if seen else 2, 0.7)), 1, 5))

    return write_answers(folder / f"{reader}.json", answers_of(built, reader), change)


def test_an_effect_planted_in_real_kits_is_found_through_import_and_command(
    make_larger_study: Callable[[Path, int], Any], tmp_path: Path
) -> None:
    study = make_larger_study(tmp_path / "study", 60)
    built = study.build(tmp_path / "out")
    files = [planted_answers(built, reader, tmp_path) for reader in ("R1", "R2")]
    import_answers(files, built.key, tmp_path / "table.csv")
    arguments = [
        "reader",
        "analyse",
        tmp_path / "table.csv",
        "--out",
        tmp_path / "found",
        "--features",
        "mucin",
        "--json",
    ]
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["template"] == "tile-plausibility"
    assert (found["table"]["readers"], found["table"]["items"]) == (2, 60)
    (difference,) = table(found, "differences_any_feature")
    assert (difference["first"], difference["second"]) == ("model-top", "model-low")
    assert difference["difference_these_readers"]["low"] > 0.2
    assert difference["p_holm"] < 0.01
    (difference,) = table(found, "differences_mean")
    assert difference["difference_these_readers"]["low"] > 0.4
    # Two readers say little of others: one degree of freedom, and the interval shows it.
    these, others = (difference[f"difference_{who}_readers"] for who in ("these", "other"))
    assert others["high"] - others["low"] > these["high"] - these["low"]
    (agreement,) = [row for row in table(found, "agreement_features") if row["feature"] == "mucin"]
    assert agreement["shared"] == 60
    assert 0.4 < agreement["cohen"]["low"] < agreement["cohen"]["value"] < 1.0
    # Each repeat was answered anew by the same rule.
    assert {row["reader"] for row in table(found, "repeats")} == {"R1", "R2"}
    assert (tmp_path / "found" / "report.html").is_file()
    with (tmp_path / "found" / "arms.csv").open(newline="") as file:
        rows = {row["arm"]: row for row in csv.DictReader(file)}
    arms = {row["arm"]: row for row in table(found, "arms")}
    assert float(rows["model-top"]["any_feature"]) == arms["model-top"]["any_feature"]["value"]
    assert rows["model-low"]["kind"] == "control"


def test_shares_and_means_are_those_of_the_answers(tmp_path: Path) -> None:
    rows = plausibility()
    found = document(write_table(tmp_path / "t.csv", rows), features=("til", "necrosis"))
    first = [row for row in rows if "repeat_of" not in row and row["group"] == "swarm"]
    marked = {
        (r["reader"], r["item"])
        for r in first
        if r["question"] in {"features.til", "features.necrosis"} and r["answer"]
    }
    support = [r["answer"] for r in first if r["question"] == "supports"]
    (swarm,) = [row for row in table(found, "arms") if row["arm"] == "swarm"]
    assert swarm["any_feature"]["value"] == pytest.approx(len(marked) / len(support))
    assert swarm["mean"]["value"] == pytest.approx(np.mean(support))
    (steps,) = [row for row in table(found, "scale_by_arm") if row["arm"] == "swarm"]
    assert [steps[f"answers_{n}"] for n in range(1, 6)] == [support.count(n) for n in range(1, 6)]


def test_tiles_of_one_patient_widen_the_interval(tmp_path: Path) -> None:
    """Every tile twice over under the same patient tells nothing new, and under new patients it seems to."""
    rows = [row for row in plausibility(readers=1) if "repeat_of" not in row]
    copies = [{**row, "item": f"{row['item']}-copy", "position": ""} for row in rows]

    def width(rows: list[Row]) -> float:
        (found,) = table(document(write_table(tmp_path / "t.csv", rows)), "differences_any_feature")
        return found["difference_these_readers"]["high"] - found["difference_these_readers"]["low"]

    once, same = width(rows), width([*rows, *copies])
    other = width([*rows, *({**row, "patient": f"{row['patient']}-copy"} for row in copies)])
    assert same == pytest.approx(once, rel=1e-9)
    assert other < 0.85 * once


def test_without_a_planted_effect_none_is_found(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.csv", plausibility(chance=(0.4, 0.4), seed=11))
    for name in ("differences_any_feature", "differences_mean"):
        (found,) = table(document(path), name)
        ends = found["difference_these_readers"]
        assert ends["low"] < 0.0 < ends["high"]


def test_too_few_patients_and_one_reader_get_sentences(tmp_path: Path) -> None:
    found = document(write_table(tmp_path / "t.csv", plausibility(readers=1, patients=2)))
    (difference,) = table(found, "differences_any_feature")
    assert difference["difference_these_readers"]["low"] is None
    assert "too few cases" in difference["difference_these_readers"]["why"]
    assert difference["p_holm"]["value"] is None
    assert "one reader" in difference["difference_other_readers"]["why"]
    said = [sentence for section in found["sections"] for sentence in section["said"]]
    assert any("nobody to agree with" in sentence for sentence in said)


def test_rows_left_out_are_told_and_gone(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.csv", plausibility())
    whole, less = document(path), document(path, leave_out=("too fast",))
    said = next(section["said"] for section in less["sections"] if section["name"] == "quality")
    # One tile, shown twice to each of three readers.
    assert "Left out as too fast: the answers to 6 pictures." in said
    assert any("kept in the analysis: the answers to 6 pictures" in s for s in whole["sections"][-1]["said"])
    kept = [{row["arm"]: row["answers"] for row in table(found, "arms")}["random"] for found in (whole, less)]
    assert kept == [120, 117]
    assert table(whole, "readers") == table(less, "readers")
