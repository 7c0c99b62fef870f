"""Heatmap preference: counts, planted preferences and habits, and what a swap of names must do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.heatmaps.readers.analysis.simulated import preference, write_table
from tests.heatmaps.readers.analysis.test_plausibility import document, table

if TYPE_CHECKING:
    from pathlib import Path


def test_counts_are_those_of_the_answers_and_the_better_method_wins(tmp_path: Path) -> None:
    rows = preference()
    found = document(write_table(tmp_path / "t.csv", rows))
    counts = Counter(row["answer"] for row in rows if row["question"] == "prefer")
    (pair,) = table(found, "preferences")
    assert (pair["first"], pair["second"]) == ("attention", "contribution")
    assert (pair["wins"], pair["ties"], pair["losses"]) == (
        counts["attention"],
        counts["equal"],
        counts["contribution"],
    )
    assert pair["net"]["value"] == pytest.approx((counts["attention"] - counts["contribution"]) / sum(counts.values()))
    assert pair["net"]["high"] < -0.3
    (tests,) = table(found, "preference_tests")
    assert tests["p_sign"]["p"] < 0.001
    assert tests["p_wilcoxon"]["p"] < 0.001
    assert tests["net_other_readers"]["high"] < -0.3
    strengths = {row["method"]: row["strength"] for row in table(found, "strengths")}
    assert strengths["attention"] == 0
    assert strengths["contribution"]["low"] > 0.5
    (plausible,) = table(found, "differences_plausible")
    assert plausible["difference_these_readers"]["high"] < -0.5
    per_reader = table(found, "preferences_by_reader")
    assert sum(row["losses"] for row in per_reader) == pair["losses"]


@pytest.mark.parametrize(("to_left", "habit"), [(0.0, False), (1.2, True)])
def test_a_habit_of_the_left_side_is_found_and_told_from_a_preference(
    tmp_path: Path, to_left: float, habit: bool
) -> None:
    found = document(write_table(tmp_path / "t.csv", preference(to_left=to_left)))
    (position,) = table(found, "position")
    assert (position["p"]["p"] < 0.001) == habit
    assert (position["left"]["low"] > 0.5) == habit
    assert table(found, "preferences")[0]["net"]["high"] < 0.0


def test_names_that_are_swapped_swap_the_sign_and_nothing_else(tmp_path: Path) -> None:
    rows = preference()
    swap = {"attention": "contribution", "contribution": "attention"}
    swapped = [
        {name: swap.get(str(value), str(value).replace("plausible.", "")) if name != "question" else value
         for name, value in row.items()}
        for row in rows if row["question"] == "prefer"
    ]  # fmt: skip
    chosen = [row for row in rows if row["question"] == "prefer"]
    one, other = (
        table(document(write_table(tmp_path / "t.csv", told)), "preferences")[0] for told in (chosen, swapped)
    )
    assert (one["wins"], one["losses"]) == (other["losses"], other["wins"])
    assert one["net"]["low"] == pytest.approx(-other["net"]["high"])


def test_a_method_that_always_wins_has_no_strength_but_a_sentence(tmp_path: Path) -> None:
    rows = [row for row in preference() if row["question"] == "prefer"]
    found = document(write_table(tmp_path / "t.csv", [{**row, "answer": "contribution"} for row in rows]))
    strength = table(found, "strengths")[1]["strength"]
    assert strength["value"] is None
    assert "infinite" in strength["why"]
    assert table(found, "preference_tests")[0]["p_sign"]["p"] < 0.001
