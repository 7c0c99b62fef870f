"""Tables that can't be analysed are refused with a sentence that names the place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from heatmaps.readers.analysis.answer_table import read_answer_table
from pipelines.errors import ConfigError, InputError
from tests.heatmaps.readers.analysis.simulated import Row, plausibility, preference, with_ai, write_table
from tests.heatmaps.readers.analysis.test_plausibility import document
from wsi_swarm.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OLD = ("left", "right", "session", "reading", "truth", "ai")


def changed(rows: list[Row], place: int, **cells: object) -> list[Row]:
    return [{**row, **cells} if i == place else row for i, row in enumerate(rows)]


def test_the_template_is_found_out(tmp_path: Path) -> None:
    made = {"tile-plausibility": plausibility(), "heatmap-preference": preference(), "ai-assistance": with_ai()}
    for name, rows in made.items():
        assert read_answer_table(write_table(tmp_path / "t.csv", rows)).template == name


def test_a_table_of_an_older_import_lacks_columns_and_is_read(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.csv", plausibility())
    old = tmp_path / "old.csv"
    lines = [line.split(",")[: -len(OLD)] for line in path.read_text().splitlines()]
    old.write_text("\n".join(",".join(line) for line in lines) + "\n")
    assert document(old)["sections"] == document(path)["sections"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: [*plausibility()[:8], plausibility()[0]], "answered features.til on item-0000 twice"),
        (lambda: changed(plausibility(), 3, answer="6"), "answered '6' to supports"),
        (lambda: changed(plausibility(), 0, answer="2"), "answered '2' to features.til"),
        (lambda: changed(plausibility(), 5, seconds="soon"), "row 7: seconds is 'soon'"),
        (lambda: changed(plausibility(), 5, reader=""), "row 7: reader is empty"),
        (lambda: changed(plausibility(), 5, group=""), "row 7: group is empty"),
        (lambda: changed(preference(), 0, answer="gradcam"), "chose 'gradcam' on item-0000, which was not shown"),
        (lambda: changed(preference(), 0, left=""), "must name two methods"),
        (lambda: [*preference(), *with_ai()], "answers of two templates"),
        (lambda: changed(with_ai(), 0, answer="101"), "answered '101' to likelihood"),
        (lambda: changed(with_ai(), 0, reading="after"), "reading is 'after'"),
        (lambda: changed(with_ai(), 0, reading=""), "reading is empty"),
        (lambda: changed(with_ai(), 0, truth="1"), "truth of item-0000 differs"),
        (lambda: [{**row, "ai": "85"} for row in with_ai()], "probability from 0 to 1"),
        (lambda: [row for row in with_ai() if row["reading"] == "with"], "holds the readings with"),
        (lambda: [*with_ai(), *with_ai(first="without")[:3]], "before, with, without"),
        (list, "holds no answer"),
    ],
)  # fmt: skip
def test_impossible_tables_are_refused(tmp_path: Path, make: Callable[[], list[Row]], sentence: str) -> None:
    path = write_table(tmp_path / "t.csv", make())
    with pytest.raises(ConfigError, match=sentence):
        document(path)


def test_files_that_are_no_table_and_options_that_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read as a table"):
        document(tmp_path / "absent.csv")
    (tmp_path / "p.csv").write_text("PATIENT,MSI\na,1\n")
    with pytest.raises(ConfigError, match="no column reader"):
        document(tmp_path / "p.csv")
    path = write_table(tmp_path / "t.csv", plausibility())
    with pytest.raises(ConfigError, match="no deviation; write one of too fast"):
        document(path, leave_out=("slow",))
    with pytest.raises(ConfigError, match="no option of this study; its options are til, necrosis, none"):
        document(path, features=("mucin",))
    everything = write_table(tmp_path / "e.csv", [{**row, "deviation": "too fast"} for row in plausibility()])
    with pytest.raises(ConfigError, match="nothing remains"):
        document(everything, leave_out=("too fast",))


def test_a_refused_table_writes_nothing(tmp_path: Path) -> None:
    path = write_table(tmp_path / "t.csv", changed(plausibility(), 3, answer="6"))
    done = CliRunner().invoke(app, ["reader", "analyse", str(path), "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, ConfigError)
    assert not (tmp_path / "out").exists()
