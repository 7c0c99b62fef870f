"""With and without AI: published numbers through the command, planted effects, and the ``.imrmc`` file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.heatmaps.readers.analysis.simulated import Row, with_ai, write_table
from tests.heatmaps.readers.analysis.test_plausibility import document, table
from tests.heatmaps.readers.statistics.conftest import RATINGS, WITHOUT
from wsi_swarm.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path


def van_dyke_rows() -> list[Row]:
    """The published ratings as reader import would write them, spin echo as read without and cine as read with AI."""
    return [
        {"reader": f"R{i % 5}", "item": f"item-{case:04d}", "question": "likelihood", "answer": rating, "kind": "study",
         "reading": ("without", "with")[i // 5], "session": str(1 + i // 5), "truth": int(case >= WITHOUT)}
        for i, ratings in enumerate(RATINGS)
        for case, rating in enumerate(ratings)
    ]  # fmt: skip


def test_the_command_gives_the_published_numbers_on_van_dykes_data(tmp_path: Path) -> None:
    """RJafrocBook at 11cd734, docs/10C-OR-AnalysisApplications.md; here it is with minus without."""
    path = write_table(tmp_path / "t.csv", van_dyke_rows())
    done = CliRunner().invoke(app, ["reader", "analyse", str(path), "--out", str(tmp_path / "o"), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    rows = {row["generalise"]: row for row in table(found, "mrmc") if row["figure"] == "auc"}
    both = rows["readers_and_cases"]
    assert both["difference"]["value"] == pytest.approx(0.043800322, abs=5e-10)
    assert (both["difference"]["low"], both["difference"]["high"]) == pytest.approx((-0.0003589, 0.0879595), abs=5e-8)
    assert (both["without"]["low"], both["without"]["high"]) == pytest.approx((0.8252, 0.9689), abs=5e-5)
    assert both["p"]["statistic"] == pytest.approx(4.456, abs=5e-4)
    assert both["p"]["df"] == pytest.approx([1, 15.26], abs=5e-3)
    assert both["p"]["p"] == pytest.approx(0.05167, abs=5e-6)
    assert rows["cases"]["p"]["p"] == pytest.approx(0.01928, abs=5e-6)
    assert rows["readers"]["p"]["p"] == pytest.approx(0.04196, abs=5e-4)
    per_reader = {row["reader"]: row for row in table(found, "mrmc_by_reader")}
    assert per_reader["R4"]["auc_without"] == pytest.approx(0.8298, abs=5e-5)
    assert per_reader["R4"]["auc_with"] == pytest.approx(0.9300, abs=5e-5)
    assert per_reader["R4"]["difference"]["value"] == pytest.approx(0.1002, abs=6e-5)


def test_the_imrmc_file_holds_every_truth_and_reading(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.csv", van_dyke_rows())
    assert CliRunner().invoke(app, ["reader", "analyse", str(path), "--out", str(tmp_path / "o")]).exit_code == 0
    lines = (tmp_path / "o" / "readings.imrmc").read_text().splitlines()
    data = [line.split(",") for line in lines[lines.index("BEGIN DATA:") + 1 :]]
    truths = {case: int(label) for who, case, kind, label in data if who == "truth" and kind == "truth"}
    assert (len(truths), sum(truths.values())) == (114, 45)
    scores = {(who, case, how): float(score) for who, case, how, score in data if who != "truth"}
    assert len(scores) == 10 * 114
    assert scores["R2", "item-0069", "with AI"] == float(RATINGS[7][69])


@pytest.mark.parametrize("first", ["before", "without"])
def test_a_gain_and_a_bias_that_were_planted_are_found(tmp_path: Path, first: str) -> None:
    found = document(write_table(tmp_path / "t.csv", with_ai(first=first)))
    auc = table(found, "mrmc")[0]
    assert auc["difference"]["low"] > 0.03
    assert auc["p"]["p"] < 0.01
    gains = {row["measure"]: row["difference"] for row in table(found, "gains")}
    assert gains["gain_right"]["low"] > 0.1
    assert gains["gain_wrong"]["high"] < -0.1
    (time,) = table(found, "time")
    ratio = time["difference_other_readers"]
    assert ratio["low"] < 0.741 < ratio["high"] < 0.9  # exp(-0.3) was planted
    (confidence,) = table(found, "confidence")
    assert confidence["difference_other_readers"]["low"] > 0.4
    shares = {row["measure"] for row in table(found, "accuracy")}
    # Only a first answer that is locked before the advice shows what the advice changed.
    assert ("automation_bias" in shares) == (first == "before")


def test_readers_who_ignore_the_ai_show_no_gain(tmp_path: Path) -> None:
    found = document(write_table(tmp_path / "t.csv", with_ai(follow=0.0)))
    auc = table(found, "mrmc")[0]["difference"]
    assert auc["low"] < 0.0 < auc["high"]
    shares = {row["measure"]: row["share"] for row in table(found, "accuracy")}
    assert shares["automation_bias"]["value"] < 0.25


def test_decisions_are_the_readers_own_or_come_from_the_threshold(tmp_path: Path) -> None:
    asked = document(write_table(tmp_path / "a.csv", with_ai()))
    rows = with_ai(decision=False)
    told = document(write_table(tmp_path / "b.csv", rows), threshold=50.0)
    strict = document(write_table(tmp_path / "c.csv", rows), threshold=95.0)
    sensitivity = [table(found, "mrmc")[3]["without"]["value"] for found in (asked, told, strict)]
    # The simulated decision is likelihood at least 50, rounded likelihoods aside.
    assert sensitivity[0] == pytest.approx(sensitivity[1], abs=0.01)
    assert sensitivity[2] < 0.3 < sensitivity[0]


def test_a_case_that_one_reader_left_out_is_left_out_and_told(tmp_path: Path) -> None:
    rows = [row for row in with_ai() if (row["reader"], row["item"], row["reading"]) != ("R2", "item-0004", "with")]
    found = document(write_table(tmp_path / "t.csv", rows))
    assert table(found, "mrmc")[0]["difference"]["items"] == 59
    assert found["sections"][0]["said"][0] == "Cases that not every reader read in both ways, left out of this part: 1."


def test_too_few_cases_give_a_sentence_and_no_area(tmp_path: Path) -> None:
    found = document(write_table(tmp_path / "t.csv", with_ai(cases=6)))
    assert found["sections"][0]["tables"] == {}
    assert any("Too few cases of a class" in said for said in found["sections"][0]["said"])
