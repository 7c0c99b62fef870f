"""Small studies of the two templates that show heatmaps: drawn pictures whose colours say which method each is."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tests.heatmaps.readers.conftest import StudyFolder

if TYPE_CHECKING:
    from pathlib import Path

TISSUE, HERON, ZEBRA, AI = (200, 120, 170), (220, 40, 40), (40, 40, 220), (40, 160, 60)
COLOURS = {"heron-method": HERON, "zebra-method": ZEBRA}
_HEAD = """
name = "drawn"
template = "{template}"
protocol = "0.9"
seed = 4
title = {{ en = "Drawn slides", de = "Gezeichnete Schnitte" }}
introduction = "Look at <each> & answer."
[items]
table = "items.csv"
picture_px = 120
field_um = 3000.0
[[readers]]
code = "R1"
[[readers]]
code = "R2"
language = "de"
"""
PREFERENCE = (
    _HEAD.format(template="heatmap-preference")
    + """
[design]
repeats = 0.2
apart = 3
[[questions]]
kind = "sides"
id = "plausible"
text = { en = "How plausible?", de = "Wie plausibel?" }
meaning = "Is what it marks what you look at?"
low = "not at all"
high = "very"
[[questions]]
kind = "prefer"
id = "prefer"
text = { en = "Which is better?", de = "Welche ist besser?" }
meaning = "Of the two."
"""
)
ASSISTANCE = (
    _HEAD.format(template="ai-assistance")
    + """
[design]
repeats = 0.0
[assistance]
design = "sequential"
output = { en = "Probability of MSI", de = "Wahrscheinlichkeit für MSI" }
[[questions]]
kind = "percent"
id = "likelihood"
text = { en = "How likely?", de = "Wie wahrscheinlich?" }
meaning = "In percent."
low = "certainly not"
high = "certainly"
[[questions]]
kind = "scale"
id = "confidence"
text = { en = "How confident?", de = "Wie sicher?" }
meaning = "In your likelihood."
low = "not at all"
high = "fully"
cannot_judge = false
[[questions]]
kind = "decision"
id = "decision"
text = { en = "Report MSI?", de = "MSI berichten?" }
meaning = "Yes or no."
"""
)


def picture(path: Path, colour: tuple[int, int, int], number: int, size: tuple[int, int] = (180, 120)) -> str:
    """Save a noisy picture of one colour; return its name."""
    noise = np.random.default_rng(number).normal(0, 3 + 2 * (number % 5), (size[1], size[0], 3))
    Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(path)
    return path.name


def _write(folder: Path, study: str, rows: list[dict[str, str]]) -> StudyFolder:
    (folder / "study.toml").write_text(study, "utf-8")
    made = StudyFolder(folder / "study.toml")
    made.write_rows(rows)
    return made


def make_preference(folder: Path, pairs: int = 6) -> StudyFolder:
    """Pairs of one method in red and one in blue, in changing columns, and a training pair."""
    folder.mkdir(parents=True)
    rows = []
    for number in range(pairs + 1):
        training = number == pairs
        methods = ["heron-method", "zebra-method"][:: -1 if number % 2 else 1]
        row = {"picture": picture(folder / f"B2026-{4000 + number}.png", TISSUE, number)}
        for column, method in zip("ab", methods, strict=True):
            row[f"method_{column}"] = method
            row[f"picture_{column}"] = picture(folder / f"{method}-{number}.png", COLOURS[method], number)
        row |= {
            "patient": f"PAT-{7000 + number}",
            "kind": "training" if training else "study",
            "feedback": "Others found the left one better." if training else "",
        }
        rows.append(row)
    return _write(folder, PREFERENCE, rows)


def make_assistance(folder: Path, cases: int = 8, crossover: bool = False) -> StudyFolder:
    """Cases with the AI's probability and heatmap (green), half of them true, and a training case."""
    folder.mkdir(parents=True)
    rows = []
    for number in range(cases + 1):
        training = number == cases
        rows.append(
            {
                "picture": picture(folder / f"B2026-{4000 + number}.png", TISSUE, number),
                "ai": f"0.{31 + number}7",
                "ai_picture": picture(folder / f"overlay-{number}.png", AI, number),
                "truth": str(number % 2),
                "class": "MSIH" if number % 2 else "nonMSIH",
                "patient": f"PAT-{7000 + number}",
                "kind": "training" if training else "study",
                "feedback": "This one was stable." if training else "",
            }
        )
    study = ASSISTANCE
    if crossover:
        study = study.replace(
            'design = "sequential"', 'design = "crossover"\nnot_before = ["2026-05-04", "2026-05-20"]'
        )
    return _write(folder, study, rows)


def score_table(path: Path, values: np.ndarray, side: int = 64, columns: int = 8, target: str = "MSI") -> str:
    """Write a score table of tiles in rows of ``columns``; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["tile_id", "x0", "y0", "w0", "h0", "x_um", "y_um", f"contribution_{target}"])
        for n, value in enumerate(values):
            writer.writerow([n, n % columns * side, n // columns * side, side, side, 0, 0, value])
    return f"{path.parent.name}/{path.name}"
