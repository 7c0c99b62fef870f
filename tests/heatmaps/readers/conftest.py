"""A small study of drawn pictures whose groups, classes and names are known."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from heatmaps.readers.kit.build import Built, build_kits
from tests.chromium import Chromium

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = bytes(range(32))
STUDY = """
name = "drawn"
template = "tile-plausibility"
protocol = "0.9"
seed = 4
title = { en = "Drawn tiles", de = "Gezeichnete Kacheln" }
introduction = "Look at <each> & answer."
[items]
table = "items.csv"
picture_px = 96
frame = 0.5
field_um = 200.0
[design]
repeats = 0.2
apart = 3
[[readers]]
code = "R1"
[[readers]]
code = "R2"
language = "de"
[[questions]]
kind = "checks"
id = "features"
text = "Which features?"
options = [
  { id = "mucin", text = "Mucin", meaning = "Pools of it." },
  { id = "til", text = "Lymphocytes", meaning = "Between tumour cells." },
  { id = "none", text = "None", meaning = "Nothing of this.", alone = true },
]
[[questions]]
kind = "scale"
id = "supports"
text = { en = "Supports MSI?", de = "Spricht für MSI?" }
meaning = "By morphology alone."
low = "no"
high = "yes"
"""


@dataclass(frozen=True)
class StudyFolder:
    """A study file with its table and pictures."""

    file: Path

    @property
    def folder(self) -> Path:
        return self.file.parent

    def change(self, old: str, new: str) -> None:
        text = self.file.read_text("utf-8")
        assert old in text
        self.file.write_text(text.replace(old, new), "utf-8")

    def rows(self) -> list[dict[str, str]]:
        with (self.folder / "items.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def write_rows(self, rows: list[dict[str, str]]) -> None:
        with (self.folder / "items.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)

    def build(self, out: Path) -> Built:
        return build_kits(self.file, out, SECRET)


def make_study(folder: Path, items: int = 10) -> StudyFolder:
    """Pictures of two groups that differ in how busy they are, so that their JPEGs would differ in size."""
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text(STUDY, "utf-8")
    rng = np.random.default_rng(2)
    rows = []
    for number in range(items + 1):
        group = "model-top" if number % 2 else "model-low"
        noise = rng.normal(0, 40 if number % 2 else 4, (120, 120, 3))
        picture = Image.fromarray((np.array([200, 120, 170]) + noise).clip(0, 255).astype(np.uint8))
        name = f"B2026-{4000 + number}_score-0.{9000 + number}.png"
        picture.save(folder / name)
        training = number == items
        rows.append(
            {
                "picture": name,
                "group": "" if training else group,
                "kind": "training" if training else "control" if group == "model-low" else "study",
                "feedback": "Others chose 4." if training else "",
                "feedback_de": "Andere wählten 4." if training else "",
                "patient": f"PAT-{7000 + number // 2}",
                "centre": "Musterklinikum",
                "class": "MSIH" if number % 2 else "nonMSIH",
                "model": "swarm-weighted",
                "score": f"0.{9000 + number}",
            }
        )
    study = StudyFolder(folder / "study.toml")
    study.write_rows(rows)
    return study


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    """A study that the test may change."""
    return make_study(tmp_path / "study")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Kits that no test changes."""
    folder = tmp_path_factory.mktemp("readers")
    return make_study(folder / "study").build(folder / "out")


@pytest.fixture
def make_larger_study() -> Callable[[Path, int], StudyFolder]:
    return make_study


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    browser = Chromium(tmp_path)
    yield browser
    browser.close()
