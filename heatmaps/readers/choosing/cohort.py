"""Whose slides they are: patients, centres and classes from the tables, and where the files lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from models.cohort import labels_by_patient
from models.feature_kind import slide_name
from models.tables import read_table
from models.targets import resolve_target
from pipelines.errors import ConfigError
from pipelines.slides.slide_list import list_slides

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Case:
    """A slide: its file below the folder of slides, its patient and, where known, centre and class."""

    file: str
    patient: str
    centre: str = ""
    label: int | None = None
    klass: str = ""


def read_cases(slide_table: Path, slides: Path, clini: Path | None, target: str, positive: str) -> dict[str, Case]:
    """Return a case per slide id of the table whose file is there.

    Parameters
    ----------
    slide_table : Path
        PATIENT and FILENAME; CENTRE if wanted.
    slides : Path
        Folder of the slides, with its subfolders.
    clini : Path, optional
        PATIENT and the target's column.
    target, positive : str
        The target and its positive label as the heatmaps state it.

    Raises
    ------
    ConfigError
        If a table lacks a column or contradicts itself, or a slide belongs to two patients.
    InputError
        If a table or the folder can't be read.
    """
    table = read_table(slide_table)
    centres = table.column("CENTRE") if "CENTRE" in table.columns else ("",) * len(table.rows)
    labels: Mapping[str, Mapping[str, str]] = {}
    goal = None
    if clini is not None:
        clinical = read_table(clini)
        labels = labels_by_patient(clinical, [target])
        goal = resolve_target(target, clinical.column(target), positive, str(clini))
    files = {entry.id: entry.path.relative_to(slides).as_posix() for entry in list_slides(slides)}
    cases: dict[str, Case] = {}
    for row, (patient, filename) in enumerate(zip(table.column("PATIENT"), table.column("FILENAME"), strict=True)):
        name = PurePosixPath(slide_name(filename)).name
        if not patient or not filename:
            raise ConfigError(f"{table.where(row, 'PATIENT')}: PATIENT and FILENAME must be filled")
        if name in cases and cases[name].patient != patient:
            raise ConfigError(
                f"{table.where(row, 'PATIENT')}: slide {name} belongs to {cases[name].patient} and to {patient}"
            )
        if name in files:
            value = labels.get(patient, {}).get(target, "")
            label = goal.label(value) if goal is not None else None
            cases[name] = Case(files[name], patient, centres[row], label, "" if label is None else value)
    return cases
