"""The project's own layouts as cohorts: every clinical column is there, and nobody is lost in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelines.errors import ConfigError
from wsi_swarm.study.sources import left_out, load_source
from wsi_swarm.study.types import SlideSource, TableSource

if TYPE_CHECKING:
    from pathlib import Path

MEASURED = "PATIENT,B,A\np3,1,2\np1,3,4\np2,5,6\np9,0,0\n"
CLINI = "PATIENT,AML,LAB\np2,yes,x\np1,no,NA\np3,,y\np1,no,z\np7,no,x\n"


def load(folder: Path, clini: str = CLINI, measured: str = MEASURED, **more: str) -> TableSource:
    (folder / "table.csv").write_text(measured)
    (folder / "clini.csv").write_text(clini)
    options = {"table": "table.csv", "clini": "clini.csv", **more}
    source = load_source("north", "table", options, folder, folder / "work", 1)
    assert isinstance(source, TableSource)
    return source


def test_measurements_and_clinical_columns_meet_by_patient(tmp_path: Path) -> None:
    source = load(tmp_path)
    assert source.patients == ("p1", "p2", "p3")
    assert source.columns == ("A", "B")
    assert source.values.tolist() == [[4, 3], [6, 5], [2, 1]]
    assert source.clinical == {"AML": ("no", "yes", ""), "LAB": ("z", "x", "y")}
    assert not source.drawn
    assert left_out(tmp_path / "work") == (
        "1 measured and not in the clinical table",
        "1 in the clinical table and not measured",
    )


def test_another_column_may_hold_the_ids(tmp_path: Path) -> None:
    source = load(tmp_path, CLINI.replace("PATIENT", "Case"), id="Case")
    assert source.clinical["AML"] == ("no", "yes", "")


def test_contradicting_rows_of_a_patient_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="p1"):
        load(tmp_path, CLINI + "p1,yes,z\n")


def test_tables_of_different_people_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no patient of .* is left"):
        load(tmp_path, "PATIENT,AML\nq1,yes\n")


def test_slides_are_taken_as_they_are(folders: dict[str, Path], tmp_path: Path) -> None:
    options = {"clini": "a/clini.csv", "slides": "a/slides.csv", "features": "a/features"}
    root = folders["a"].parent
    source = load_source("a", "slides", options, root, tmp_path, 1)
    assert source == SlideSource("a", root / "a/clini.csv", root / "a/slides.csv", root / "a/features")
