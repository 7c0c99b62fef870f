"""The text of a table: columns lacking, white space, invisible characters, broken encodings, spreadsheet errors."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from models.cohorts.finding import Finding, Severity, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.tables import Table

ERROR_VALUES = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"})
_MOJIBAKE = re.compile(r"[ÃÂ][\x80-\xbf\u2018-\u203a]|â€|\ufffd")
_HUGE = 1e6


def lacking_columns(table: Table, columns: Sequence[str]) -> list[Finding]:
    """Find columns that are needed and absent or there twice, errors, and name the one that may be meant."""
    found = []
    for name in columns:
        count = table.columns.count(name)
        if count == 1:
            continue
        if count:
            what, remedy = f"{count} columns are named {name}", "keep one"
        else:
            meant = _meant(table, name)
            what = f"the table has no column {name}" + (f", but it has {meant}" if meant else "")
            shown = ", ".join(table.columns[:12]) + (", ..." if len(table.columns) > 12 else "")
            remedy = f"rename {meant} to {name}" if meant else f"its columns are {shown}; upper and lower case count"
        found.append(Finding(Severity.ERROR, "column lacking", table.path, what, remedy, 1, name))
    return found


def meant_columns(table: Table, columns: Sequence[str]) -> list[str]:
    """Return the columns that ``lacking_columns`` takes for those that are needed."""
    meant = (_meant(table, name) for name in columns if name not in table.columns)
    return [name for name in meant if name is not None]


def doubled_columns(table: Table, needed: Sequence[str]) -> list[Finding]:
    """Find other columns that stand there twice: notes."""
    return [
        Finding(
            Severity.NOTE, "column doubled", table.path, f"{table.columns.count(name)} columns are named {name}",
            "rename one, or nobody can name either", 1, name,
        )
        for name in dict.fromkeys(table.columns)
        if name and name not in needed and table.columns.count(name) > 1
    ]  # fmt: skip


def white_space(table: Table, columns: Sequence[str]) -> list[Finding]:
    """Find cells with white space around them: one note per column, since it is ignored here."""
    found = []
    for name in _there(table, columns):
        at = table.columns.index(name)
        rows = [row for row, cells in _cells(table) if at < len(cells) and cells[at] != cells[at].strip()]
        if rows:
            what = f"{counted(len(rows), 'cell')} with white space around the text, the first of them here"
            remedy = "it is ignored here, but strip it: other software takes it for part of the text"
            found.append(Finding(Severity.NOTE, "white space", table.path, what, remedy, rows[0], name))
    return found


def broken_text(table: Table, columns: Sequence[str]) -> list[Finding]:
    """Find invisible characters, wrongly decoded text and a spreadsheet's error values: warnings by cell.

    An error value in a target's column is an error: it would count as a label.
    """
    found = []
    for name in _there(table, columns):
        for index, cell in enumerate(table.column(name)):
            hidden = sorted({f"U+{ord(c):04X}" for c in cell if not c.isprintable() or c == "\u00a0"})
            severity, remedy = Severity.WARNING, "type the cell again"
            if cell.upper() in ERROR_VALUES:
                severity, what = Severity.ERROR, f"{cell} is a spreadsheet's error, not a value"
                remedy = "mend the formula, or empty the cell if the value is not known"
            elif hidden:
                what = (
                    f"{cell!r} holds characters that nobody sees ({', '.join(hidden)}), so that it equals no other cell"
                )
            elif _MOJIBAKE.search(cell):
                what, remedy = f"{cell!r} was decoded wrongly", "export the table again as 'CSV UTF-8'"
            else:
                continue
            found.append(Finding(severity, "broken text", table.path, what, remedy, table.numbers[index], name))
    return found


def broken_numbers(table: Table, columns: Sequence[str]) -> list[Finding]:
    """Find columns of numbers, outside the needed ones, in which the decimal point seems to be lost: notes."""
    found = []
    for name in dict.fromkeys(table.columns):
        if name in columns or table.columns.count(name) > 1:
            continue
        numbers = [(abs(value), row) for value, row in _numbers(table, name) if value]
        if len(numbers) < 10:
            continue
        ordered = sorted(numbers)
        low, (high, row) = ordered[len(ordered) // 10][0], ordered[-1]
        if high > _HUGE * low:
            count = sum(value > _HUGE * low for value, _ in numbers)
            what = f"{count} numbers are more than a million times the smaller ones (up to {high:g}), the largest here"
            remedy = "see whether a decimal point was lost on the way through a spreadsheet"
            found.append(Finding(Severity.NOTE, "decimal point", table.path, what, remedy, row, name))
    return found


def _meant(table: Table, name: str) -> str | None:
    by_plain = {re.sub(r"[\W_]", "", column).casefold(): column for column in table.columns if column}
    plain = re.sub(r"[\W_]", "", name).casefold()
    for candidate in (plain, f"{plain}id", f"{plain}s"):
        if candidate in by_plain:
            return by_plain[candidate]
    close = get_close_matches(plain, by_plain, n=1, cutoff=0.8)
    return by_plain[close[0]] if close else None


def _there(table: Table, columns: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys(columns) if table.columns.count(name) == 1]


def _cells(table: Table) -> list[tuple[int, tuple[str, ...]]]:
    return list(zip(table.numbers, table.cells, strict=True))


def _numbers(table: Table, name: str) -> list[tuple[float, int]]:
    numbers = []
    cells = [(cell, row) for cell, row in zip(table.column(name), table.numbers, strict=True) if cell]
    for cell, row in cells:
        try:
            numbers.append((float(cell), row))
        except ValueError:
            continue
    return numbers if len(numbers) >= 0.9 * len(cells) else []
