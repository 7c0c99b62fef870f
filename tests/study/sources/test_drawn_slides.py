"""Drawn slides as a cohort: made once, found again, the same bytes from the same seed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from models.cohort import load_cohort
from models.tables import read_table
from pipelines.errors import ConfigError
from wsi_swarm.study.drawing.cases import CentrePlan, plan_cases
from wsi_swarm.study.drawing.draw import draw_slide
from wsi_swarm.study.drawing.slide_file import write_slide
from wsi_swarm.study.sources import load_source
from wsi_swarm.study.sources.drawn_slides import DrawnSlidesOptions, draw_again
from wsi_swarm.study.sources.options import Place
from wsi_swarm.study.types import SlideSource

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = {
    "centre": ["north", "harbour"],
    "patients": [2, 1],
    "msi_share": [0.5, 1.0],
    "side_um": [480.0, 560.0],
}


def load(folder: Path) -> SlideSource:
    source = load_source("crc", "drawn_slides", OPTIONS, folder, folder / "crc", 5)
    assert isinstance(source, SlideSource)
    return source


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SlideSource]:
    folder = tmp_path_factory.mktemp("drawn")
    return folder, load(folder)


def test_a_cohort_of_two_centres_is_ready_to_train_on(made: tuple[Path, SlideSource]) -> None:
    _, source = made
    assert source.drawn
    table = read_table(source.clini)
    assert table.columns == ("PATIENT", "CENTRE", "MSI", "BRAF")
    assert table.column("PATIENT") == ("harbour-01", "north-01", "north-02")
    assert table.column("CENTRE") == ("harbour", "north", "north")
    cohort = load_cohort(source.clini, source.slides, source.features, ["MSI"], {"MSI": "MSIH"})
    assert [patient.id for patient in cohort.patients] == ["harbour-01", "north-01", "north-02"]
    assert cohort.counts("MSI") == (2, 1, 0)
    assert not list(source.clini.parent.rglob("*.tif"))


def test_a_second_call_finds_what_the_first_has_made(made: tuple[Path, SlideSource]) -> None:
    folder, source = made
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert load(folder) == source
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before


def test_a_call_that_was_killed_goes_on(made: tuple[Path, SlideSource], tmp_path: Path) -> None:
    """Whatever a killed call has left, the features are the same bytes: here it has drawn one slide of three."""
    place = Place("crc", tmp_path, tmp_path / "crc", 5)
    (left,) = draw_again(place, DrawnSlidesOptions.model_validate(OPTIONS), ["north-02"])
    assert left.is_file()
    again = load(tmp_path)
    for path in made[1].features.glob("*.h5"):
        assert _sha256(path) == _sha256(again.features / path.name)


def test_a_slide_that_is_gone_is_drawn_again_as_it_was(made: tuple[Path, SlideSource], tmp_path: Path) -> None:
    folder, _ = made
    place, options = Place("crc", folder, folder / "crc", 5), DrawnSlidesOptions.model_validate(OPTIONS)
    (slide,) = draw_again(place, options, ["north-02"])
    case = plan_cases(5, [CentrePlan("north", 2, 0.5)])[1]
    drawn = draw_slide(case, 5, side_um=(480.0, 560.0))
    write_slide(tmp_path / "x.tif", drawn.picture, drawn.mpp, drawn.style.jpeg_quality)
    assert _sha256(slide) == _sha256(tmp_path / "x.tif")
    with pytest.raises(ConfigError, match="has no patient north-99"):
        draw_again(place, options, ["north-99"])


@pytest.mark.parametrize("patients", [9, 99, 100, 400, 1000])
def test_ids_of_many_patients_are_unique_and_sort_as_numbers(patients: int) -> None:
    ids = [case.patient for case in plan_cases(1, [CentrePlan("north", patients, 0.4)])]
    assert ids == sorted(set(ids))
    digits = {9: 2, 99: 2, 100: 3, 400: 3, 1000: 4}[patients]
    assert ids[0] == f"north-{1:0{digits}d}"
    assert ids[-1] == f"north-{patients}".replace("-9", "-09" if patients == 9 else "-9")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
