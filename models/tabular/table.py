"""Reading tables of measurements: a row per patient, or a row per gene as expression matrices are kept."""

from __future__ import annotations

import csv
import gzip
import hashlib
import warnings
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

import numpy as np
import pandas as pd

from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PATIENT = "PATIENT"
GENE_HEADERS = frozenset({"", "gene", "genes", "feature", "probe", "symbol"})
"""First header cells (in lower case) of a table with a row per gene and a column per patient."""


@dataclass(frozen=True)
class Measurements:
    """A table of numbers.

    Attributes
    ----------
    path
        Where it was read.
    patients
        Id of each row; each once.
    columns
        Name of each column (gene), sorted; each once.
    values
        (patients, columns) float32, all finite.
    """

    path: Path
    patients: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray

    def select(self, columns: Sequence[str]) -> np.ndarray:
        """Return (patients, len(columns)) values of these columns in this order.

        Raises
        ------
        ConfigError
            If the table lacks one of them.
        """
        index = {name: number for number, name in enumerate(self.columns)}
        lacking = [name for name in columns if name not in index]
        if lacking:
            msg = (
                f"{self.path} lacks {len(lacking)} of the {len(columns)} columns that the model reads, for instance "
                f"{', '.join(lacking[:5])}; use a table that has them all"
            )
            raise ConfigError(msg)
        return self.values[:, [index[name] for name in columns]]


def read_measurements(path: Path) -> Measurements:
    """Read ``.csv``, ``.tsv`` or ``.txt`` (comma, semicolon or tab; UTF-8), also with ``.gz``.

    A table with a column PATIENT has a row per patient, and all other columns are numbers. A table whose first header
    cell is empty or GENE has a row per gene and a column per patient.

    Raises
    ------
    InputError
        If the file is missing or unreadable.
    ConfigError
        With row and column: a cell that is no number, a patient or column that is empty or stands there twice.
    """
    if not path.is_file():
        msg = f"{path} does not exist; name a table of measurements (CSV or TSV, also .gz)"
        raise InputError(msg)
    if not path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv", ".txt")):
        msg = f"{path} is neither .csv, .tsv nor .txt (nor one of these with .gz); save the table as one of these"
        raise ConfigError(msg)
    try:
        return _read(path)
    except UnicodeDecodeError as error:
        msg = f"{path} is not UTF-8 text ({error.reason}); save it as 'CSV UTF-8'"
        raise InputError(msg) from error
    except (csv.Error, OSError, EOFError, zlib.error, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        msg = f"{path} can't be read as a table ({str(error).strip()[:200]}); save or copy it again"
        raise InputError(msg) from error


def columns_sha256(columns: Sequence[str]) -> str:
    """Hash a set of column names: SHA-256 of the sorted names, each ended by a line feed, as of a sorted text file."""
    return hashlib.sha256("".join(f"{name}\n" for name in sorted(columns)).encode()).hexdigest()


def read_column_list(path: Path) -> tuple[str, ...]:
    """Read a list of column names, one per line, and return it sorted.

    Raises
    ------
    InputError
        If the file is missing or no UTF-8 text.
    ConfigError
        If it names none, or one twice.
    """
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} can't be read as a list of column names ({error}); it holds one name per line"
        raise InputError(msg) from error
    _once(path, names, "column")
    return tuple(sorted(names))


def _open(path: Path) -> TextIO:
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _read(path: Path) -> Measurements:
    with _open(path) as handle, warnings.catch_warnings():
        first = handle.readline()
        delimiter = max(",;\t", key=first.count)
        header = [cell.strip() for cell in next(csv.reader([first], delimiter=delimiter), [])]
        by_gene = PATIENT not in header
        if by_gene and (not header or header[0].casefold() not in GENE_HEADERS):
            msg = (
                f"{path} row 1: there is no column {PATIENT}, and the first cell is {header[0] if header else ''!r}; "
                f"name the patients' column {PATIENT} (a row per patient), or the first cell GENE (a row per gene)"
            )
            raise ConfigError(msg)
        key = 0 if by_gene else header.index(PATIENT)
        kinds = {number: str if number == key else np.float32 for number in range(len(header))}
        try:
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a row with more cells than the header loses them
            warnings.simplefilter("ignore", RuntimeWarning)  # beyond float32: found below, with row and column
            frame = pd.read_csv(
                handle, sep=delimiter, header=None, names=range(len(header)), dtype=kinds, index_col=False,
                keep_default_na=False, na_values=[],
            )  # fmt: skip
        except ValueError as error:
            if isinstance(error, pd.errors.ParserError | UnicodeDecodeError):
                raise
            raise ConfigError(_fault(path, delimiter, header, key) or f"{path}: {error}") from error
    names = [str(name).strip() for name in frame[key]]
    values = frame.drop(columns=key).to_numpy(np.float32)
    if not np.isfinite(values).all():
        raise ConfigError(_fault(path, delimiter, header, key) or f"{path} holds a number that is not finite")
    rest = [name for number, name in enumerate(header) if number != key]
    patients, columns = (rest, names) if by_gene else (names, rest)
    values = values.T if by_gene else values
    _once(path, patients, "patient")
    _once(path, columns, "column")
    order = sorted(range(len(columns)), key=columns.__getitem__)
    return Measurements(
        path, tuple(patients), tuple(columns[i] for i in order), np.ascontiguousarray(values[:, order], np.float32)
    )


def _fault(path: Path, delimiter: str, header: list[str], key: int) -> str | None:
    """Find the first cell that is no finite float32; slow, and only for the sentence."""
    with _open(path) as handle:
        rows = csv.reader(handle, delimiter=delimiter)
        next(rows)
        for row in rows:
            if not row:
                continue
            for number in range(len(header)):
                cell = row[number].strip() if number < len(row) else ""
                if number == key or _is_number(cell):
                    continue
                return (
                    f"{path} row {rows.line_num}, column {header[number] or number + 1}: {cell!r} is no number; "
                    "fill it in, or leave the row or column out"
                )
    return None


def _is_number(cell: str) -> bool:
    try:
        return abs(float(cell)) <= float(np.finfo(np.float32).max)
    except ValueError:
        return False


def _once(path: Path, names: Sequence[str], what: str) -> None:
    if not names:
        msg = f"{path} names no {what}"
        raise ConfigError(msg)
    name, count = Counter(names).most_common(1)[0]
    if count > 1 or "" in names:
        fault = f"names {what} {name} {count} times; keep one" if count > 1 else f"has a {what} without a name"
        msg = f"{path} {fault}"
        raise ConfigError(msg)
