"""Feature files: missing, unreadable, empty, of mixed encoders or tile sizes, and those that no row names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h5py
import numpy as np

from models.cohorts.finding import Finding, Severity, counted, refuse
from models.cohorts.patients import plain_id
from models.feature_kind import FeatureKind, find_feature_file, kind_of, read_kind, slide_name
from pipelines.damage import DAMAGE
from pipelines.errors import InputError
from pipelines.features import describe_any, read_any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from models.tables import Table
    from pipelines.features.read_any import Described

SAMPLE = 256
"""Vectors that are looked at per slide: enough for a mean, and reading a cohort whole would take hours."""


@dataclass(frozen=True)
class SlideFile:
    """What is known of a slide's feature file.

    Attributes
    ----------
    path
        Where it is, or should be.
    there
        Whether it is there.
    fault
        Why it can't be read; empty if it can.
    kind, tiles, mpp, reader
        Encoder and tile size, number of tiles, µm per pixel of level 0 (None: the file does not say it) and the reader
        with which the slide was opened ("" where unknown).
    mean
        (D,) mean over at most ``SAMPLE`` evenly spaced tiles; None where there are none.
    """

    path: Path
    there: bool = True
    fault: str = ""
    kind: FeatureKind | None = None
    tiles: int = 0
    mpp: float | None = None
    reader: str = ""
    mean: np.ndarray | None = None


def examine(folder: Path, filename: str) -> SlideFile:
    """Look at the feature file of one FILENAME cell."""
    path, there = find_feature_file(folder, filename)
    if not there:
        return SlideFile(path, there=False)
    try:
        described = describe_any(path)
        kind = kind_of(path, described)
        mean = _mean(path, described)
    except InputError as error:
        return SlideFile(path, fault=str(error))
    mpp, reader = described.attrs.get("mpp"), str(described.attrs.get("reader", ""))
    return SlideFile(path, True, "", kind, described.content.tiles, None if mpp is None else float(mpp), reader, mean)


def common_kind(paths: Sequence[Path]) -> FeatureKind:
    """Return the kind of all files.

    Raises
    ------
    ConfigError
        If two files differ.
    InputError
        If one is no feature file.
    """
    kinds = {path: read_kind(path) for path in paths}
    refuse(mixed_kinds(kinds))
    return kinds[paths[0]]


def mixed_kinds(kinds: Mapping[Path, FeatureKind]) -> list[Finding]:
    """Find files whose features are not of the kind that most files have: errors."""
    if not kinds:
        return []
    usual = Counter(kinds.values()).most_common(1)[0][0]
    example = next(path for path, kind in kinds.items() if kind == usual)
    remedy = "they can't be mixed, tile and extract all slides in one way"
    return [
        Finding(
            Severity.ERROR,
            "mixed features",
            path,
            f"it holds features of {kind} and {example} of {usual}, which differ in {_differences(kind, usual)}",
            remedy,
        )
        for path, kind in kinds.items()
        if kind != usual
    ]


def missing(table: Table, files: Mapping[str, SlideFile], folder: Path) -> list[Finding]:
    """Find slides without a feature file, warnings, and name a file that may be meant."""
    named = {file.path for file in files.values() if file.there}
    spare: dict[str, str] = {}
    for path in _feature_files(folder):
        if path not in named:
            spare.setdefault(plain_id(path.stem), path.name)
            spare.setdefault(plain_id(path.stem.split(".")[0]), path.name)
    found = []
    for row, filename in _first_rows(table):
        if not files[filename].there:
            name = plain_id(slide_name(filename))
            meant = spare.get(name) or spare.get(name.split(".")[0])
            what = f"slide {filename}: no {files[filename].path}" + (f", but there is {meant}" if meant else "")
            remedy = "name it as the table does" if meant else "extract the slide; without features it is left out"
            found.append(Finding(Severity.WARNING, "features missing", table.path, what, remedy, row, "FILENAME"))
    return found


def unreadable(table: Table, files: Mapping[str, SlideFile]) -> list[Finding]:
    """Find files that can't be read, hold no features or values that are not finite, errors, or no tiles, warnings."""
    found = []
    for row, filename in _first_rows(table):
        file = files[filename]
        where = (row, "FILENAME")
        if file.fault:
            what, remedy = f"slide {filename}: {file.fault}", "until then nothing can be trained with it"
            found.append(Finding(Severity.ERROR, "features unreadable", table.path, what, remedy, *where))
        elif file.there and not file.tiles:
            what = f"slide {filename}: {file.path} has no tiles"
            remedy = "look at its tissue outline; without tiles it is left out"
            found.append(Finding(Severity.WARNING, "features without tiles", table.path, what, remedy, *where))
        elif file.mean is not None and not np.isfinite(file.mean).all():
            what = f"slide {filename}: {file.path} holds values that are not finite"
            found.append(Finding(Severity.ERROR, "features not finite", table.path, what, "extract it again", *where))
    return found


def unnamed(table: Table, files: Mapping[str, SlideFile], folder: Path) -> list[Finding]:
    """Find feature files that no row of the slide table names: one note for the folder."""
    named = {file.path.resolve() for file in files.values()}
    meant = {plain_id(slide_name(name)) for name, file in files.items() if not file.there}
    spare = [p.name for p in _feature_files(folder) if p.resolve() not in named and plain_id(p.stem) not in meant]
    if not spare:
        return []
    listed = ", ".join(spare[:5]) + (", ..." if len(spare) > 5 else "")
    what = f"{counted(len(spare), 'feature file')} without a row in {table.path.name}: {listed}"
    return [Finding(Severity.NOTE, "features of no slide", folder, what, "add their rows if they belong to the cohort")]


def _mean(path: Path, described: Described) -> np.ndarray | None:
    if not described.content.tiles:
        return None
    if path.suffix.lower() == ".pt":
        return read_any(path).features.astype(np.float32).mean(axis=0)
    try:
        with h5py.File(path, "r") as file:
            vectors = file[described.content.vectors]
            sample = vectors[:: max(1, len(vectors) // SAMPLE)]
    except DAMAGE as error:
        msg = f"{path} is not a whole feature file ({error}); delete it and run 'wsi-swarm extract' again"
        raise InputError(msg) from error
    return np.asarray(sample, np.float32).mean(axis=0)


def _differences(one: FeatureKind, other: FeatureKind) -> str:
    names = {
        "encoder": "encoder",
        "card_sha256": "encoder card",
        "weights_sha256": "weights",
        "dim": "length of the vectors",
        "tile_um": "tile size",
        "mpp": "µm per pixel",
    }
    return " and ".join(text for name, text in names.items() if getattr(one, name) != getattr(other, name))


def _feature_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in {".h5", ".pt"} and path.is_file())


def _first_rows(table: Table) -> list[tuple[int, str]]:
    """Return row and FILENAME of each slide, once."""
    first: dict[str, int] = {}
    for index, filename in enumerate(table.column("FILENAME")):
        if filename:
            first.setdefault(filename, table.numbers[index])
    return [(row, filename) for filename, row in first.items()]
