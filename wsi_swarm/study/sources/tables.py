"""Kind ``table``: the project's own layout of measurements and a clinical table. Kind ``slides``: its own layout."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from models.cohorts import patients as of_patients
from models.cohorts.finding import refuse
from models.tables import read_table
from models.tabular.table import PATIENT, read_measurements
from wsi_swarm.study.sources.assemble import Clinical, known, table_source, without_partner
from wsi_swarm.study.sources.options import Options, Place
from wsi_swarm.study.sources.record import finish
from wsi_swarm.study.types import SlideSource, TableSource

if TYPE_CHECKING:
    from pathlib import Path


class TableOptions(Options):
    """``table``: measurements; ``clini``: clinical table, whose column ``id`` holds the patients' ids."""

    table: str
    clini: str
    id: str = PATIENT


class SlidesOptions(Options):
    """Clinical table, slide table and folder of feature files."""

    clini: str
    slides: str
    features: str


def load_table(place: Place, options: TableOptions) -> TableSource:
    """Read measurements and all columns of the clinical table; those who stand in one alone are left out."""
    measured = read_measurements(place.file("table", options.table))
    clinical = _read_clini(place.file("clini", options.clini), options.id)
    keep = [patient for patient in measured.patients if patient in clinical]
    source = table_source(place.name, measured, clinical, keep, measured.values, measured.columns)
    finish(place, "table", options, without_partner(measured.patients, clinical))
    return source


def load_slides(place: Place, options: SlidesOptions) -> SlideSource:
    """Name tables and features as they are; whoever trains on them reads and checks them."""
    source = SlideSource(
        place.name,
        place.file("clini", options.clini),
        place.file("slides", options.slides),
        place.folder("features", options.features),
    )
    finish(place, "slides", options)
    return source


def _read_clini(path: Path, key: str) -> Clinical:
    table = read_table(path)
    table.column(key)
    if key != PATIENT:
        # The checks of the tables know the column by the project's name alone.
        names = {key: PATIENT, PATIENT: f"{PATIENT} (other)"}
        table = replace(table, columns=tuple(names.get(name, name) for name in table.columns))
    others = [name for name in table.columns if name not in {PATIENT, ""}]
    refuse([*of_patients.empty_cells(table, [PATIENT]), *of_patients.contradictions(table, others)])
    clinical: Clinical = {patient: dict.fromkeys(others, "") for patient in table.column(PATIENT)}
    for name in others:
        for patient, cell in zip(table.column(PATIENT), table.column(name), strict=True):
            clinical[patient][name] = clinical[patient][name] or known(cell)
    return clinical
