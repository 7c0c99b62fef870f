"""Reading a centre's tables and looking at its features, with what is wrong in them by themselves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.cohorts import features as of_features
from models.cohorts import patients as of_patients
from models.cohorts import slides as of_slides
from models.cohorts import text
from models.cohorts.finding import Finding, Severity
from models.cohorts.measures import PatientFacts
from models.cohorts.privacy import dates_in_file_names, identifying_columns
from models.feature_kind import find_feature_file
from models.tables import Table, read_table
from models.targets import is_missing
from pipelines.errors import ConfigError, InputError
from pipelines.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.cohorts.features import SlideFile


@dataclass(frozen=True)
class CentreFiles:
    """Files of one centre, or the clinical table of a test set.

    Attributes
    ----------
    clini
        Clinical table.
    slides, features
        Slide table and folder of feature files; None before there are any.
    test
        Whether the patients are for testing only.
    """

    clini: Path
    slides: Path | None = None
    features: Path | None = None
    test: bool = False


@dataclass
class LoadedCentre:
    """A centre as far as it could be read."""

    source: CentreFiles
    clini: Table | None
    slides: Table | None
    targets: list[str]
    files: dict[str, SlideFile]
    patients: list[PatientFacts]


def load_centre(
    source: CentreFiles, targets: Sequence[str], centre_column: str | None, found: list[Finding]
) -> LoadedCentre:
    """Read a centre's tables, look at its features and join them; what is wrong is appended to ``found``."""
    named = [*targets, *([centre_column] if centre_column else [])]
    clini = _read(source.clini, ["PATIENT"], named, found)
    there = [name for name in named if clini is not None and clini.columns.count(name) == 1]
    slides = None if source.slides is None else _read(source.slides, ["PATIENT", "FILENAME"], [], found)
    usable_targets = [name for name in targets if name in there]
    if clini is not None:
        found += of_patients.empty_cells(clini, ["PATIENT"])
        found += of_patients.contradictions(clini, usable_targets)
        found += of_patients.repeated(clini, usable_targets)
    if slides is not None:
        found += of_patients.empty_cells(slides, ["PATIENT", "FILENAME"])
        found += of_slides.repeated(slides)
        found += of_slides.named_after_another(slides)
        found += of_slides.mixed_preparations(slides)
        found += dates_in_file_names(slides)
        found += of_slides.of_two_patients(slides, _place(source.features))
    if clini is not None:
        in_clini, in_slides = of_patients.places(clini), of_patients.places(slides)
        found += of_patients.doubtful_ids(clini)
        found += of_patients.spelt_twice([in_clini, in_slides])
        if slides is not None:
            found += of_patients.without_slides(in_clini, in_slides)
            found += of_patients.without_labels(in_slides, in_clini)
    files = _examine_files(slides, source.features, found)
    centre = LoadedCentre(source, clini, slides, usable_targets, files, [])
    centre.patients = join_tables(centre, centre_column)
    return centre


def _place(features: Path | None) -> Callable[[str], Path] | None:
    return None if features is None else lambda filename: find_feature_file(features, filename)[0]


def _read(path: Path, keys: Sequence[str], others: Sequence[str], found: list[Finding]) -> Table | None:
    """Read a table and find what is wrong with its text; None where it can't be read or lacks a key."""
    try:
        table = read_table(path)
    except (InputError, ConfigError) as error:
        what, _, remedy = str(error).rpartition("; ")
        what = what.removeprefix(f"{path} ").removeprefix(f"{path}: ")
        found.append(Finding(Severity.ERROR, "table unreadable", path, what, remedy))
        return None
    columns = [*keys, *others, *text.meant_columns(table, [*keys, *others])]
    found += text.lacking_columns(table, [*keys, *others])
    found += text.doubled_columns(table, columns)
    found += text.white_space(table, columns)
    found += text.broken_text(table, columns)
    found += text.broken_numbers(table, columns)
    found += identifying_columns(table, columns)
    return table if all(table.columns.count(name) == 1 for name in keys) else None


def _examine_files(slides: Table | None, folder: Path | None, found: list[Finding]) -> dict[str, SlideFile]:
    if slides is None or folder is None:
        return {}
    if not folder.is_dir():
        what, remedy = "there is no such folder of features", "correct --features, or leave it out before 'extract'"
        found.append(Finding(Severity.ERROR, "no folder", folder, what, remedy))
        return {}
    names = list(dict.fromkeys(name for name in slides.column("FILENAME") if name))
    files = {}
    with progress(len(names), "looking at features", "slide") as bar:
        for name in names:
            files[name] = of_features.examine(folder, name)
            bar.update()
    found += of_features.missing(slides, files, folder)
    found += of_features.unreadable(slides, files)
    found += of_features.unnamed(slides, files, folder)
    return files


def join_tables(centre: LoadedCentre, centre_column: str | None) -> list[PatientFacts]:
    """Return the patients that stand in both tables and, where features were named, have tiles."""
    if centre.clini is None:
        return []
    names: dict[str, list[str]] = defaultdict(list)
    if centre.slides is not None:
        for patient, filename in zip(centre.slides.column("PATIENT"), centre.slides.column("FILENAME"), strict=True):
            names[patient].append(filename)
    ids = centre.clini.column("PATIENT")
    labels: dict[str, dict[str, str]] = {patient: {} for patient in ids if patient}
    for name in centre.targets:
        for patient, label in zip(ids, centre.clini.column(name), strict=True):
            if patient and not is_missing(label):
                labels[patient].setdefault(name, label)
    has_sites = centre_column is not None and centre.clini.columns.count(centre_column) == 1
    sites = dict(zip(ids, centre.clini.column(centre_column), strict=True)) if has_sites else {}
    joined = []
    for patient, known in labels.items():
        own = dict.fromkeys(names[patient])
        files = {f.path: f for f in (centre.files.get(name) for name in own) if f is not None and f.tiles}
        if (centre.slides is None or own) and (not centre.files or files):
            site = sites.get(patient, "")
            joined.append(PatientFacts(patient, str(centre.source.clini), site, known, tuple(files.values()), len(own)))
    return joined
