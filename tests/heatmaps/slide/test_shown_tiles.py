"""The tiles that people look at: the right ones, as the model saw them, under names that tell nothing."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import cv2
import numpy as np

from heatmaps.drawing.contact_sheet import Cell, Group, contact_sheet
from heatmaps.drawing.scalebar import ScaleBar
from heatmaps.making.slide_heatmap import make_heatmap
from heatmaps.slide.options import Options
from models.model_file import load_model
from pipelines.slides import open_slide

if TYPE_CHECKING:
    from pathlib import Path


def tile_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "tiles" / "tiles.csv").open() as table:
        return list(csv.DictReader(table))


def test_each_file_is_the_tile_that_the_table_names(made, shared_case) -> None:
    found = tile_rows(made.folder)
    assert {row["file"] for row in found} == {path.name for path in (made.folder / "tiles").glob("*.jpg")}
    with open_slide(shared_case.slide) as slide:
        for row in found:
            picture = cv2.cvtColor(cv2.imread(str(made.folder / "tiles" / row["file"])), cv2.COLOR_BGR2RGB)
            x, y = int(row["x0"]), int(row["y0"])
            expected = slide.read_region(x, y, 32, 32, (32, 32)).astype(int)
            assert picture.shape == (32, 32, 3)
            assert np.abs(picture.astype(int).mean(axis=(0, 1)) - expected.mean(axis=(0, 1))).max() < 4


def test_both_classes_of_each_target_have_their_tiles_apart_from_each_other(made, shared_case) -> None:
    planted = {"F": set(shared_case.planted_for), "A": set(shared_case.planted_against)}
    for target in ("MSI", "BRAF"):
        one = next(one for one in made.scores if one.target == target)
        for letter in "FA":
            mine = [row for row in tile_rows(made.folder) if row["target"] == target and row["name"][0] == letter]
            assert [int(row["rank"]) for row in mine] == list(range(1, len(mine) + 1))
            values = np.array([float(row["value"]) for row in mine])
            assert (values > 0).all() if letter == "F" else (values < 0).all()
            assert (np.diff(np.abs(values)) <= 0).all()
            best = int(mine[0]["tile_id"])
            assert best == int(np.argmax(one.values if letter == "F" else -one.values))
            # What speaks for MSI speaks against BRAF.
            assert best in planted[letter if target == "MSI" else {"F": "A", "A": "F"}[letter]]
            corners = np.array([[int(row["x0"]), int(row["y0"])] for row in mine])
            apart = np.abs(corners[:, None] - corners[None]).max(axis=2)
            assert (apart[~np.eye(len(mine), dtype=bool)] >= 2 * 32 - 1).all()


def test_more_tiles_may_be_asked_for_and_old_files_do_not_stay(case, tmp_path: Path) -> None:
    many = case.make(tmp_path, options=Options(top=9))
    assert sum(row["name"][0] == "F" for row in tile_rows(many.folder) if row["target"] == "MSI") > 6
    few = case.make(tmp_path, options=Options(top=1), targets=["MSI"])
    assert {path.name for path in few.folder.rglob("*.jpg")} == {"MSI-F1.jpg", "MSI-A1.jpg"}
    assert not list(few.folder.glob("*BRAF*"))
    kept = {path.relative_to(few.folder).as_posix() for path in few.folder.rglob("*") if path.is_file()}
    assert kept == {*json.loads((few.folder / "heatmap.json").read_text())["outputs"], "heatmap.json"}


def test_methods_without_a_sign_show_their_highest_and_their_lowest(case, tmp_path: Path) -> None:
    made = case.make(tmp_path, options=Options(method="attention"), targets=["MSI"])
    found = tile_rows(made.folder)
    values = made.scores[0].values
    ranks = {row["name"]: int(row["tile_id"]) for row in found}
    assert values[ranks["T1"]] == values.max()
    assert values[ranks["L1"]] == values.min()
    assert {row["side"] for row in found} == {"highest", "lowest"}


def test_without_the_slide_the_table_says_where_they_lie_and_why_there_is_no_picture(case, tmp_path: Path) -> None:
    made = make_heatmap(None, load_model(case.model), case.features, tmp_path)
    assert {row["file"] for row in tile_rows(made.folder)} == {""}
    assert not list(made.folder.glob("contact-*"))
    assert "not at hand" in json.loads((made.folder / "heatmap.json").read_text())["tile_pictures"]


def test_the_sheets_pictures_stay_as_they_are_and_the_bar_is_as_long_as_it_says() -> None:
    rng = np.random.default_rng(2)
    pictures = [rng.integers(1, 255, (320, 320, 3), np.uint8) for _ in range(7)]
    cells = [Cell(picture, f"F{index}", "+0.1") for index, picture in enumerate(pictures, 1)]
    groups = [Group("for", "#b2182b", cells, "none"), Group("against", "#2166ac", [], "There is no such tile.")]
    bar = ScaleBar(50.0, 125.0, "50 µm")
    sheet = cv2.imdecode(np.frombuffer(contact_sheet("a $x$", "b", groups, ["note"], bar), np.uint8), cv2.IMREAD_COLOR)
    sheet = cv2.cvtColor(sheet, cv2.COLOR_BGR2RGB)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, 6)
        left, top = 30 + column * 336, 92 + 44 + row * 366
        assert (sheet[top : top + 320, left : left + 320] == picture).all()
    black = (sheet == 0).all(axis=2).sum(axis=1)
    assert (black == 125).sum() == 8
