"""Reading CSV and XLSX tables as text, with row numbers that a person finds again in the file."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import openpyxl

from pipelines.damage import TABLE_DAMAGE
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Table:
    """A table of text; surrounding white space is stripped and empty rows are left out.

    Attributes
    ----------
    path
        Where it was read.
    columns
        Its header.
    rows
        Its cells, row by row.
    numbers
        For each row its number in the file; the header is row 1.
    cells
        The same rows as they stand in the file, white space and all.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]
    cells: tuple[tuple[str, ...], ...] = field(default=(), compare=False, repr=False)

    def column(self, name: str) -> tuple[str, ...]:
        """Return the cells of one column.

        Raises
        ------
        ConfigError
            If the column is missing or stands there twice.
        """
        count = self.columns.count(name)
        if count != 1:
            fault = "has no column" if count == 0 else f"has {count} columns named"
            listed = ", ".join(self.columns) if len(self.columns) <= 40 else f"{', '.join(self.columns[:40])}, ..."
            msg = f"{self.path} row 1: the table {fault} {name}; its columns are {listed}; names are case-sensitive"
            raise ConfigError(msg)
        index = self.columns.index(name)
        return tuple(row[index] for row in self.rows)

    def where(self, index: int, column: str) -> str:
        """Name a cell for an error message: file, row number in the file, column."""
        return f"{self.path} row {self.numbers[index]}, column {column}"


def read_table(path: Path) -> Table:
    """Read ``.csv`` (comma, semicolon or tab; UTF-8), ``.tsv`` or ``.xlsx`` (first sheet) without guessing any type.

    Raises
    ------
    InputError
        If the file is missing or unreadable.
    ConfigError
        If it is empty or of another kind.
    """
    if not path.is_file():
        msg = f"{path} does not exist; name a CSV or XLSX table"
        raise InputError(msg)
    if path.suffix.lower() in {".csv", ".tsv", ".txt"}:
        cells = _read_csv(path)
    elif path.suffix.lower() == ".xlsx":
        cells = _read_xlsx(path)
    else:
        msg = f"{path} is neither .csv, .tsv nor .xlsx; save the table as one of these"
        raise ConfigError(msg)
    return _table(path, cells)


def _table(path: Path, cells: list[list[str]]) -> Table:
    stripped = [[cell.strip() for cell in row] for row in cells]
    if not stripped or not any(stripped[0]):
        msg = f"{path} row 1 is empty; it must name the columns"
        raise ConfigError(msg)
    width = len(stripped[0])
    rows, numbers, raw = [], [], []
    for number, row in enumerate(stripped[1:], start=2):
        if not any(row):
            continue
        if any(row[width:]):
            msg = f"{path} row {number} has {len(row)} cells and the header has {width}; quote cells that hold commas"
            raise ConfigError(msg)
        rows.append(tuple(row[:width]) + ("",) * (width - len(row)))
        numbers.append(number)
        raw.append(tuple(cells[number - 1][:width]))
    return Table(path, tuple(stripped[0]), tuple(rows), tuple(numbers), tuple(raw))


def _read_csv(path: Path) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            header = handle.readline()
            handle.seek(0)
            delimiter = max(",;\t", key=header.count)
            return list(csv.reader(handle, delimiter=delimiter, strict=True))
    except UnicodeDecodeError as error:
        msg = f"{path} is not UTF-8 text ({error.reason} at byte {error.start}); save it as 'CSV UTF-8'"
        raise InputError(msg) from error
    except (csv.Error, OSError) as error:
        msg = f"{path} can't be read as CSV ({error}); save it again as 'CSV UTF-8'"
        raise InputError(msg) from error


def _read_xlsx(path: Path) -> list[list[str]]:
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # programs state them wrongly
            rows = [[_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
        finally:
            book.close()
    except TABLE_DAMAGE as error:
        msg = f"{path} can't be read as XLSX ({str(error)[:200]}); save it again from the spreadsheet program"
        raise InputError(msg) from error
    return [_trimmed(row) for row in rows]


def _text(value: object) -> str:
    """Return a cell as text; a formula's error, such as ``#REF!``, stays what it is, and 1.0 is written as 1."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _trimmed(row: list[str]) -> list[str]:
    """Leave out the empty cells at the end, which formatting alone makes."""
    filled = [at for at, cell in enumerate(row) if cell]
    return row[: filled[-1] + 1] if filled else []
