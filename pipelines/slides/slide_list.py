"""Which slides are meant: a file, a folder or a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.damage import TABLE_DAMAGE
from pipelines.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

SLIDE_SUFFIXES = frozenset(
    {".svs", ".tif", ".tiff", ".ndpi", ".vms", ".vmu", ".scn", ".mrxs", ".svslide", ".bif", ".czi"}
)
TABLE_SUFFIXES = frozenset({".csv", ".xlsx"})
_LONGEST_NAME = 255


@dataclass(frozen=True)
class SlideEntry:
    """A slide to work on: its path, and the mpp that a table gives for it."""

    path: Path
    mpp: float | None = None

    @property
    def id(self) -> str:
        """Name of the slide's files in a job."""
        return slide_id_of(self.path)


def slide_id_of(path: Path) -> str:
    """Return the id that a slide at ``path`` has: the file's stem, or the folder's name."""
    return path.resolve().name if path.is_dir() else path.stem


def list_slides(source: Path) -> list[SlideEntry]:
    """List the slides of a file, a folder (with its subfolders) or a table.

    A folder with .dcm files is one slide; the data folder of a .mrxs file is part of that slide. A table is CSV (with
    commas, semicolons or tabs) or XLSX with the column FILENAME (paths relative to the table) and, if wanted, mpp.

    Raises
    ------
    InputError
        If there is nothing, or if two slides have the same id, so that one would overwrite the other's files.
    """
    source = Path(source)
    if not source.exists():
        msg = f"{source} does not exist; name a slide file, a folder of slides or a table"
        raise InputError(msg)
    if source.suffix.lower() in TABLE_SUFFIXES:
        entries = _from_table(source)
    elif source.is_file():
        entries = [SlideEntry(source)]
    else:
        entries = [SlideEntry(path) for path in _from_folder(source)]
    if not entries:
        msg = f"{source} holds no slide; known are {', '.join(sorted(SLIDE_SUFFIXES))} files and folders of .dcm files"
        raise InputError(msg)
    _refuse_equal_ids(entries)
    return entries


def _from_folder(folder: Path) -> list[Path]:
    inside = sorted(item for item in folder.iterdir() if not item.name.startswith("."))
    companions = {item.stem for item in inside if item.suffix.lower() == ".mrxs"}
    found = [folder] if any(item.suffix.lower() == ".dcm" for item in inside) else []
    for item in inside:
        if item.is_dir():
            found += [] if item.name in companions else _from_folder(item)
        elif item.suffix.lower() in SLIDE_SUFFIXES:
            found.append(item)
    return found


def _from_table(table: Path) -> list[SlideEntry]:
    import pandas as pd  # only tables need it, and it takes half a second

    try:
        if table.suffix.lower() == ".csv":
            rows = pd.read_csv(table, dtype=str, sep=_separator(table))
        else:
            rows = pd.read_excel(table, dtype=str)
    except TABLE_DAMAGE as error:
        msg = f"{table} cannot be read as a table: {str(error)[:200]}"
        raise InputError(msg) from error
    if "FILENAME" not in rows.columns:
        msg = f"{table} has no column FILENAME; its columns are {', '.join(map(str, rows.columns))}"
        raise InputError(msg)
    mpps = rows["mpp"] if "mpp" in rows.columns else [None] * len(rows)
    entries = []
    for row, (name, mpp) in enumerate(zip(rows["FILENAME"], mpps, strict=True), start=2):
        if not isinstance(name, str) or not name.strip():
            msg = f"{table} row {row}: FILENAME is empty; name a slide or delete the row"
            raise InputError(msg)
        if not name.isprintable() or max(len(part.encode()) for part in name.split("/")) > _LONGEST_NAME:
            msg = f"{table} row {row}: FILENAME '{name[:40]}' is no name of a file; correct it"
            raise InputError(msg)
        entries.append(SlideEntry(table.parent / name.strip(), _mpp_of_cell(table, row, mpp)))
    return list(dict.fromkeys(entries))


def _separator(table: Path) -> str:
    """Return what a spreadsheet program put between the columns, which depends on its country."""
    with table.open(encoding="utf-8-sig") as file:
        return max(",;\t", key=file.readline().count)


def _mpp_of_cell(table: Path, row: int, cell: str | None) -> float | None:
    if not isinstance(cell, str) or not cell.strip():
        return None
    try:
        return float(cell)
    except ValueError as error:
        msg = f"{table} row {row}: mpp is '{cell}'; write µm per pixel as a number such as 0.25, or leave it empty"
        raise InputError(msg) from error


def _refuse_equal_ids(entries: Sequence[SlideEntry]) -> None:
    seen: dict[str, Path] = {}
    for entry in entries:
        if entry.id in seen:
            msg = (
                f"{seen[entry.id]} and {entry.path} are both called '{entry.id}', so their results would overwrite "
                "each other; rename one or work on them in two jobs"
            )
            raise InputError(msg)
        seen[entry.id] = entry.path
