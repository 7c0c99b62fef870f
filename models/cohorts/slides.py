"""The slide table: rows that repeat or contradict, slides named after another patient, slides of another kind."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from models.cohorts.finding import Finding, Severity, counted
from models.cohorts.patients import plain_id
from models.feature_kind import slide_name

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from models.tables import Table

_TCGA = re.compile(r"TCGA-\w{2}-\w{4}-(?P<sample>\d{2})\w?-\w{2}-(?P<section>[A-Z]{2})\w", re.IGNORECASE)
_FROZEN = {"TS", "BS", "MS"}


def of_two_patients(table: Table, place: Callable[[str], Hashable] | None = None) -> list[Finding]:
    """Find slides that belong to two patients: errors.

    Parameters
    ----------
    table
        The slide table.
    place
        What two names of one slide have in common, for instance the feature file; None: name without folder and suffix.
    """
    owners: dict[Hashable, tuple[str, int]] = {}
    found = []
    for index, (patient, filename) in enumerate(_rows(table)):
        if not patient or not filename:
            continue
        row = table.numbers[index]
        owner, first = owners.setdefault((place or slide_name)(filename), (patient, row))
        if owner != patient:
            what = f"slide {filename} belongs to patient {patient} here and to {owner} in row {first}"
            remedy = "a slide has one patient, keep the right row"
            found.append(Finding(Severity.ERROR, "slide of two patients", table.path, what, remedy, row, "FILENAME"))
    return found


def repeated(table: Table) -> list[Finding]:
    """Find slides that a patient has twice: warnings."""
    first: dict[tuple[str, str], int] = {}
    found = []
    for index, (patient, filename) in enumerate(_rows(table)):
        row = table.numbers[index]
        if filename and first.setdefault((patient, slide_name(filename)), row) != row:
            what = f"slide {filename} stands in row {first[patient, slide_name(filename)]} already"
            remedy = "keep one row per slide; they are taken as one"
            found.append(Finding(Severity.WARNING, "slide repeated", table.path, what, remedy, row, "FILENAME"))
    return found


def named_after_another(table: Table) -> list[Finding]:
    """Find slides whose name begins with the id of another patient of the table: warnings."""
    elsewhere = {finding.row for finding in of_two_patients(table)}
    ids = {plain_id(patient): patient for patient in table.column("PATIENT") if patient}
    found = []
    for index, (patient, filename) in enumerate(_rows(table)):
        plain = plain_id(slide_name(filename))
        if not patient or plain.startswith(plain_id(patient)) or table.numbers[index] in elsewhere:
            continue
        parts = plain.split("-")
        begun = ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
        other = next((ids[start] for start in begun if start in ids), None)
        if other is not None:
            what = f"slide {filename} is given to patient {patient} and named after patient {other}"
            remedy = "look whose slide it is"
            where = (table.numbers[index], "FILENAME")
            found.append(Finding(Severity.WARNING, "slide named after another", table.path, what, remedy, *where))
    return found


def mixed_preparations(table: Table) -> list[Finding]:
    """Find, by TCGA's barcodes, frozen sections among diagnostic slides and slides of normal tissue: warnings."""
    rows: dict[str, list[int]] = defaultdict(list)
    for index, (_, filename) in enumerate(_rows(table)):
        barcode = _TCGA.match(slide_name(filename))
        if barcode:
            rows["frozen" if barcode["section"].upper() in _FROZEN else "diagnostic"].append(table.numbers[index])
            if barcode["sample"] in {"10", "11", "12", "14"}:
                rows["normal"].append(table.numbers[index])
    found = []
    if rows["frozen"] and rows["diagnostic"]:
        what = (
            f"{counted(len(rows['frozen']), 'frozen section')} (TS, MS or BS in the name) among "
            f"{counted(len(rows['diagnostic']), 'diagnostic slide')} (DX)"
        )
        remedy = "keep one preparation: they look different, and which patients have which can betray the label"
        found.append(_of_table(table, "mixed preparations", what, remedy, rows["frozen"][0]))
    if rows["normal"]:
        number = counted(len(rows["normal"]), "slide")
        what = f"{number} of normal tissue (sample type 10 to 14 in the name), not of the tumour"
        remedy = "take them out: they bear the tumour's label"
        found.append(_of_table(table, "normal tissue", what, remedy, rows["normal"][0]))
    return found


def _of_table(table: Table, kind: str, what: str, remedy: str, row: int) -> Finding:
    return Finding(Severity.WARNING, kind, table.path, f"{what}, the first of them here", remedy, row, "FILENAME")


def _rows(table: Table) -> list[tuple[str, str]]:
    return list(zip(table.column("PATIENT"), table.column("FILENAME"), strict=True))
