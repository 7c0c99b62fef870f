"""Preference and AI assistance from real kits through reader import to effects that were planted in the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from heatmaps.readers.answers.import_answers import import_answers
from tests.heatmaps.readers.analysis.test_plausibility import document, table
from tests.heatmaps.readers.answering import answers_with, write_answers
from tests.heatmaps.readers.template_studies import make_assistance, make_preference

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from heatmaps.readers.kit.build import Built
    from heatmaps.readers.kit.key import Key, Showing

DAY = 86400.0


def imported(
    built: Built, values: Callable[[Key, Showing], dict[str, Any]], folder: Path, apart_s: float = 0.0
) -> Path:
    files = [
        write_answers(folder / f"{reader}.json", answers_with(built, reader, values, apart_s))
        for reader in ("R1", "R2")
    ]
    import_answers(files, built.key, folder / "table.csv")
    return folder / "table.csv"


def test_the_better_heatmap_is_found_whichever_side_it_was_on(tmp_path: Path) -> None:
    built = make_preference(tmp_path / "study", 24).build(tmp_path / "out")
    rng = np.random.default_rng(3)

    def values(key: Key, one: Showing) -> dict[str, Any]:
        item = key.item(one.item)
        heron = "left" if {"a": item.method_a, "b": item.method_b}[one.left] == "heron-method" else "right"
        other = {"left": "right", "right": "left"}[heron]
        prefer = str(rng.choice([heron, "equal", other], p=[0.75, 0.1, 0.15]))
        return {
            "prefer": prefer,
            f"plausible.{heron}": int(rng.integers(3, 6)),
            f"plausible.{other}": int(rng.integers(1, 4)),
        }

    found = document(imported(built, values, tmp_path))
    assert found["template"] == "heatmap-preference"
    (pair,) = table(found, "preferences")
    assert (pair["first"], pair["second"]) == ("heron-method", "zebra-method")
    assert pair["wins"] + pair["ties"] + pair["losses"] == 48
    assert pair["net"]["low"] > 0.2
    (plausible,) = table(found, "differences_plausible")
    assert plausible["difference_these_readers"]["low"] > 1.0
    # Sides were counterbalanced by the kit, so a preference for a method is none for a side.
    (position,) = table(found, "position")
    assert position["left"]["low"] < 0.5 < position["left"]["high"]
    assert {row["reader"] for row in table(found, "repeats_choices")} == {"R1", "R2"}


@pytest.mark.parametrize("crossover", [False, True])
def test_what_the_ai_did_is_found_in_both_designs(tmp_path: Path, crossover: bool) -> None:
    study = make_assistance(tmp_path / "study", 24, crossover)
    rows = study.rows()
    for number, row in enumerate(rows):
        right = number % 6 != 0
        row["ai"] = f"0.{8 if (row['truth'] == '1') == right else 2}{number:02d}"
    study.write_rows(rows)
    built = study.build(tmp_path / "out")
    rng = np.random.default_rng(4)
    alone: dict[str, float] = {}

    def values(key: Key, one: Showing) -> dict[str, Any]:
        item = key.item(one.item)
        own = float(np.clip(rng.normal(60 if item.truth == "1" else 40, 25), 0, 100))
        # In a sequential study the reading with AI follows the reader's own first answer at once.
        own = alone[one.item] if one.reading == "with" and not crossover else alone.setdefault(one.opaque, own)
        alone[one.item] = own
        shown = 0.2 * own + 80 * float(item.ai) if one.reading == "with" else own
        return {
            "likelihood": round(shown),
            "confidence": 4 if one.reading == "with" else 3,
            "decision": int(shown >= 50),
        }

    found = document(imported(built, values, tmp_path, 17 * DAY if crossover else 0.0))
    assert found["template"] == "ai-assistance"
    primary = table(found, "mrmc")[0]
    assert primary["difference"]["items"] == 24
    assert primary["with"]["value"] > primary["without"]["value"]
    gains = {row["measure"]: row["difference"] for row in table(found, "gains")}
    assert gains["gain_right"]["low"] > 0.0
    assert gains["gain_wrong"]["value"] < 0.0
    shares = {row["measure"]: row["share"]["value"] for row in table(found, "accuracy")}
    assert ("automation_bias" in shares) != crossover
    # Everybody followed the AI, so the accuracy with it is that of the AI.
    assert shares["after"] == pytest.approx(20 / 24)
    assert table(found, "confidence")[0]["difference_these_readers"]["value"] == pytest.approx(1.0)
    assert [row["pictures"] for row in table(found, "readers")] == [48, 48]
    assert [row["skipped"] for row in table(found, "readers")] == [0, 0]
