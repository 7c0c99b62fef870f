from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from pipelines.errors import InputError
from pipelines.slides import SlideEntry, list_slides

if TYPE_CHECKING:
    from pathlib import Path


def touch(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [folder / name for name in names]


def test_a_folder_is_searched_deeply_and_each_slide_counts_once(tmp_path: Path) -> None:
    touch(tmp_path, "a.svs", "sub/b.TIFF", "m.mrxs", "m/Data0001.dat", "m/x.tif", "dicom/1.dcm", "dicom/2.dcm")
    touch(tmp_path, "notes.txt", ".hidden/c.svs", "d.png", ".e.svs")
    found = list_slides(tmp_path)
    names = [entry.path.relative_to(tmp_path).as_posix() for entry in found]
    assert names == ["a.svs", "dicom", "m.mrxs", "sub/b.TIFF"]
    assert found[1].id == "dicom"
    assert list_slides(tmp_path / "dicom") == [SlideEntry(tmp_path / "dicom")]
    assert list_slides(tmp_path / "a.svs") == [SlideEntry(tmp_path / "a.svs")]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_table_gives_paths_beside_it_and_mpp(tmp_path: Path, kind: str) -> None:
    rows = pd.DataFrame(
        {"PATIENT": ["p", "p", "q"], "FILENAME": ["a.svs", "x/b.svs", "a.svs"], "mpp": [0.25, None, 0.25]}
    )
    table = tmp_path / f"slides.{kind}"
    rows.to_csv(table, index=False) if kind == "csv" else rows.to_excel(table, index=False)
    assert list_slides(table) == [SlideEntry(tmp_path / "a.svs", 0.25), SlideEntry(tmp_path / "x/b.svs", None)]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_may_have_any_separator_that_spreadsheets_write(tmp_path: Path, separator: str) -> None:
    rows = ["PATIENT", "FILENAME", "mpp"], ["p", "a.svs", "0.25"]
    (tmp_path / "t.csv").write_text("\n".join(map(separator.join, rows)), encoding="utf-8-sig")
    assert list_slides(tmp_path / "t.csv") == [SlideEntry(tmp_path / "a.svs", 0.25)]


def test_two_slides_of_one_name_are_refused_and_both_named(tmp_path: Path) -> None:
    one, two = touch(tmp_path, "x/a.svs", "y/a.tiff")
    with pytest.raises(InputError) as caught:
        list_slides(tmp_path)
    assert str(one) in str(caught.value)
    assert str(two) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SLIDE\na.svs\n", "no column FILENAME"),
        ("FILENAME,mpp\na.svs,fast\n", r"row 2: mpp is 'fast'"),
        ("FILENAME,mpp\na.svs,0.5\n,0.5\n", "row 3: FILENAME is empty"),
        ("", "cannot be read as a table"),
        ("FILENAME\n", "holds no slide"),
    ],
)
def test_a_bad_table_is_refused_with_its_row(tmp_path: Path, text: str, says: str) -> None:
    table = tmp_path / "t.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=says):
        list_slides(table)


def test_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no slide"):
        list_slides(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        list_slides(tmp_path / "nowhere")
