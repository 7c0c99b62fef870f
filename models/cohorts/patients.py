"""Patients: no id, twice in a table, contradicting themselves, spelt in two ways, or in two places at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.cohorts.finding import Finding, Severity
from models.targets import is_missing, spelling

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from models.tables import Table

_TCGA_SAMPLE = re.compile(r"(TCGA-\w{2}-\w{4})-\w", re.IGNORECASE)
_EXPONENT = re.compile(r"\d(?:[.,]\d+)?E[+-]?\d+", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2} 00:00:00")


@dataclass(frozen=True)
class Place:
    """Where a patient stands."""

    file: Path
    row: int


def places(table: Table | None) -> dict[str, Place]:
    """Return the first row of each patient of a table."""
    found: dict[str, Place] = {}
    if table is not None:
        for index, patient in enumerate(table.column("PATIENT")):
            if patient:
                found.setdefault(patient, Place(table.path, table.numbers[index]))
    return found


def plain_id(patient: str) -> str:
    """Return what two spellings of one id share; case, separators and a spreadsheet's zeros do not count."""
    visible = "".join(c for c in patient if c.isprintable()).casefold()
    plain = re.sub(r"[\s_\-./]+", "-", re.sub(r"\.0$", "", visible)).strip("-")
    return plain.lstrip("0") if plain.isdigit() else plain


def empty_cells(table: Table, columns: Sequence[str]) -> list[Finding]:
    """Find rows without a patient or a file name: errors."""
    found = []
    for column in columns:
        what = "the patient's id is empty" if column == "PATIENT" else "the cell is empty"
        for index, cell in enumerate(table.column(column)):
            if not cell:
                remedy, row = "fill it in or delete the row", table.numbers[index]
                found.append(Finding(Severity.ERROR, "empty cell", table.path, what, remedy, row, column))
    return found


def contradictions(table: Table, targets: Sequence[str]) -> list[Finding]:
    """Find patients whose rows give different labels: errors."""
    found = []
    ids = table.column("PATIENT")
    for name in targets:
        first: dict[str, tuple[str, int]] = {}
        for index, label in enumerate(table.column(name)):
            if not ids[index] or is_missing(label):
                continue
            known, row = first.setdefault(ids[index], (label, table.numbers[index]))
            if spelling(known) != spelling(label):
                what = f"patient {ids[index]} is {label!r} here and {known!r} in row {row}"
                where = (table.numbers[index], name)
                kind = "contradicting labels"
                found.append(Finding(Severity.ERROR, kind, table.path, what, "keep the right one", *where))
    return found


def repeated(table: Table, targets: Sequence[str]) -> list[Finding]:
    """Find patients with several rows that do not contradict each other: warnings."""
    contradicting = {finding.row for finding in contradictions(table, targets)}
    first, found = places(table), []
    for index, patient in enumerate(table.column("PATIENT")):
        row = table.numbers[index]
        if patient and row != first[patient].row and row not in contradicting:
            what = f"patient {patient} stands in row {first[patient].row} already, with labels that do not contradict"
            remedy = "keep one row per patient; they are taken as one"
            found.append(Finding(Severity.WARNING, "patient repeated", table.path, what, remedy, row, "PATIENT"))
    return found


def doubtful_ids(table: Table) -> list[Finding]:
    """Find ids that a spreadsheet has rewritten, and ids of samples where patients should stand: warnings."""
    found = []
    persons: dict[str, str] = {}
    for patient, place in places(table).items():
        sample = _TCGA_SAMPLE.match(patient)
        if _EXPONENT.fullmatch(patient) or _DATE.fullmatch(patient):
            what = f"the id {patient!r} looks as if a spreadsheet had turned it into a number or date"
            remedy = "format the column as text and enter the ids again"
            found.append(Finding(Severity.WARNING, "damaged id", place.file, what, remedy, place.row, "PATIENT"))
        elif sample and persons.setdefault(sample[1].upper(), patient) != patient:
            what = f"{patient} and {persons[sample[1].upper()]} are samples of one person, {sample[1]}"
            remedy = "write the person's id, or one person gets into training and test"
            found.append(
                Finding(Severity.WARNING, "samples as patients", place.file, what, remedy, place.row, "PATIENT")
            )
    return found


def spelt_twice(places_by_table: Sequence[Mapping[str, Place]]) -> list[Finding]:
    """Find ids, in one table or between a centre's tables, that differ in their spelling only: warnings."""
    first: dict[str, tuple[str, Place]] = {}
    found = []
    for table in places_by_table:
        for patient, place in table.items():
            known, at = first.setdefault(plain_id(patient), (patient, place))
            # An id that holds what nobody sees is found as broken text.
            if known != patient and known.isprintable() and patient.isprintable():
                what = f"patient {patient!r} is spelt {known!r} in {at.file.name} row {at.row}"
                remedy = "spell the id alike everywhere if they are one person: now they are two"
                found.append(
                    Finding(Severity.WARNING, "id spelt twice", place.file, what, remedy, place.row, "PATIENT")
                )
    return _once(found)


def without_slides(clini: Mapping[str, Place], slides: Mapping[str, Place]) -> list[Finding]:
    """Find patients who have no row in the slide table: warnings."""
    what = "patient {} has no row in the slide table"
    return _without(
        clini, slides, "patient without slides", what, "add the slides; without them the patient is left out"
    )


def without_labels(slides: Mapping[str, Place], clini: Mapping[str, Place]) -> list[Finding]:
    """Find patients who have slides and no row in the clinical table: warnings."""
    what = "patient {} is in the slide table and not in the clinical table"
    remedy = "add the patient's row; without it the slides are left out"
    return _without(slides, clini, "slides without patient", what, remedy)


def in_two_centres(centres: Sequence[Mapping[str, Place]]) -> list[Finding]:
    """Find persons who stand in two centres: errors, and warnings where only the spelling differs."""
    remedy = "take the patient out of one, or data of one person is counted twice"
    return _in_two(centres, "patient in two centres", "stands in two centres ({} and {})", remedy)


def in_train_and_test(train: Mapping[str, Place], test: Mapping[str, Place]) -> list[Finding]:
    """Find persons who stand in a training and a test table: errors, and warnings where only the spelling differs."""
    remedy = "take the patient out of one: a test on those trained on measures nothing"
    return _in_two([train, test], "patient in training and test", "stands in training and test ({} and {})", remedy)


def _without(there: Mapping[str, Place], here: Mapping[str, Place], kind: str, what: str, remedy: str) -> list[Finding]:
    # One who is there in another spelling was found by `spelt_twice`.
    known = {plain_id(patient) for patient in here}
    return [
        Finding(Severity.WARNING, kind, place.file, what.format(patient), remedy, place.row, "PATIENT")
        for patient, place in there.items()
        if plain_id(patient) not in known
    ]


def _in_two(tables: Sequence[Mapping[str, Place]], kind: str, what: str, remedy: str) -> list[Finding]:
    exact: dict[str, Place] = {}
    similar: dict[str, str] = {}
    found = []
    for table in tables:
        for patient, place in table.items():
            known = patient if patient in exact else similar.get(plain_id(patient))
            if known is None:
                continue
            at = exact[known]
            severity = Severity.ERROR if known == patient else Severity.WARNING
            clause = what.format(f"{at.file} row {at.row}", f"{place.file} row {place.row}")
            alike = "" if known == patient else f" if it is the patient {known!r}, as the id suggests"
            found.append(
                Finding(severity, kind, place.file, f"patient {patient} {clause}{alike}", remedy, place.row, "PATIENT")
            )
        for patient, place in table.items():
            exact.setdefault(patient, place)
            similar.setdefault(plain_id(patient), patient)
    return found


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """Drop a finding about a patient who was found in the table before."""
    kept: dict[str, Finding] = {}
    for finding in findings:
        kept.setdefault(finding.what, finding)
    return list(kept.values())
