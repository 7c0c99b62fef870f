"""Columns that look like names, numbers or dates by which a person can be found: they need not be in these tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models.cohorts.finding import Finding, Severity, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.tables import Table

_NAMES = re.compile(
    r"(?:^|[_\W])(?:(?:sur|last|first|family|given|patient|full|vor|nach)[_ ]?name|mrn|ssn|dob|dod"
    r"|birth(?:_?da(?:y|te))?"
    r"|geburtsdatum|address|street|zip|zip_?code|postal_?code|postcode|phone|telephone|e?_?mail|insurance(?:_?(?:no|id))?"
    r"|accession(?:_?(?:no|number|id))?|case_?(?:no|number|id)|hospital_?(?:no|number|id)|medical_?record\w*)(?:$|[_\W])",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:[T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{4}|\d{1,2}[- ][A-Za-z]{3}[- ]\d{2,4}"
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_DATE_IN_NAME = re.compile(r"(?<!\d)(?:19|20)\d{2}([-_.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])(?!\d)")
_OLDEST = 89
"""Above this age the de-identification rule of the HIPAA (45 CFR 164.514) counts ages as identifying."""


def identifying_columns(table: Table, needed: Sequence[str]) -> list[Finding]:
    """Find columns that may identify a person, by their name or by what stands in them: one warning each.

    Parameters
    ----------
    table
        A clinical or slide table.
    needed
        Columns that the cohort is made of; they are not suspected.
    """
    found = []
    for name in dict.fromkeys(table.columns):
        if not name or name in needed or table.columns.count(name) > 1:
            continue
        cells = [(cell, row) for cell, row in zip(table.column(name), table.numbers, strict=True) if cell]
        reason = _suspicion(name, [cell for cell, _ in cells])
        if reason:
            what = f"the column {reason}"
            remedy = "delete the column unless it is needed: training does not read it, and a table travels"
            found.append(Finding(Severity.WARNING, "privacy", table.path, what, remedy, column=name))
    return found


def dates_in_file_names(table: Table) -> list[Finding]:
    """Find dates in slide names: one warning for the table."""
    names = list(zip(table.column("FILENAME"), table.numbers, strict=True))
    dated = [(name, row) for name, row in names if _DATE_IN_NAME.search(name)]
    if not dated:
        return []
    what = f"{counted(len(dated), 'slide name')} with what looks like a date, {dated[0][0]!r} first"
    remedy = "rename the slides: their names get into feature files, heatmaps and reports"
    return [Finding(Severity.WARNING, "privacy", table.path, what, remedy, dated[0][1], "FILENAME")]


def _suspicion(name: str, cells: Sequence[str]) -> str:
    if not cells:
        return ""
    for pattern, reason in ((_DATE, "holds dates"), (_EMAIL, "holds e-mail addresses")):
        if sum(bool(pattern.fullmatch(cell)) for cell in cells) > 0.5 * len(cells):
            return f"{reason}, such as {_veiled(cells[0])}"
    if name.casefold() == "name" or _NAMES.search(name):
        return "is named like something that identifies a person"
    if re.search(r"(?:^|[_\W])age(?:$|[_\W])", name, re.IGNORECASE):
        old = sum(_number(cell) > _OLDEST for cell in cells)
        return f"holds ages above {_OLDEST} (in {counted(old, 'row')}), which count as identifying" if old else ""
    texts = [cell for cell in cells if not re.fullmatch(r"[-+]?[\d.,]+(?:e[-+]?\d+)?", cell, re.IGNORECASE)]
    if len(cells) >= 10 and len(texts) > 0.9 * len(cells) and len(set(cells)) > 0.9 * len(cells):
        return f"has a text of its own for nearly every row, such as {_veiled(cells[0])}"
    return ""


def _veiled(cell: str) -> str:
    """Show the form and not the content: a report of this warning travels too."""
    return repr(re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", cell))[:24])


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return 0.0
