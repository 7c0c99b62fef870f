"""The slides of a cohort: which they are, where their files lie, and what each heatmap came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from models.cohorts import patients as of_patients
from models.cohorts import slides as of_slides
from models.cohorts.finding import refuse
from models.feature_kind import find_feature_file, slide_name
from models.tables import read_table
from pipelines.errors import ConfigError, InputError
from pipelines.slides import list_slides

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pipelines.slides import SlideEntry

SUFFIXES = (".h5", ".pt")


@dataclass(frozen=True)
class CohortSlide:
    """One slide of a cohort.

    Attributes
    ----------
    name : str
        Name of its feature file without the suffix, which is the slide's.
    patient : str
        Empty where no table names one.
    features : Path
    slide : Path, optional
        None where slides are not at hand.
    mpp : float, optional
        µm per level-0 px that a table of slides gives.
    fault : str
        Why it cannot be explained; empty where nothing is wrong so far.
    """

    name: str
    patient: str
    features: Path
    slide: Path | None = None
    mpp: float | None = None
    fault: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of one slide with one model.

    Attributes
    ----------
    slide : CohortSlide
    model : str
        The model's name.
    state : "made", "reused" or "failed"
    reason : str
        One sentence where it failed.
    folder : Path, optional
        None where it failed.
    sidecar : dict
        ``heatmap.json``; empty where it failed.
    """

    slide: CohortSlide
    model: str
    state: str
    reason: str = ""
    folder: Path | None = None
    sidecar: dict[str, Any] = field(repr=False, default_factory=dict)

    @property
    def tiles(self) -> int | None:
        """Number of tiles; None where it failed."""
        return self.sidecar["tiles"]["count"] if self.sidecar else None

    @property
    def probabilities(self) -> dict[str, float]:
        """Probability by ``<target>_<positive>``."""
        return {f"{one['target']}_{one['positive']}": one["probability"] for one in self.sidecar.get("targets", ())}


def find_cohort(cohort: Path, features: Path | None, slides: Path | None) -> list[CohortSlide]:
    """List the slides of a cohort, in the order of the table or of their names.

    Parameters
    ----------
    cohort : Path
        Slide table with PATIENT and FILENAME, or a folder of feature files.
    features : Path, optional
        Folder of the table's feature files.
    slides : Path, optional
        Folder or table of the slides' own files; without it no slide is opened.

    Raises
    ------
    ConfigError
        If the three do not go together, or two slides have one name.
    InputError
        If a table or folder is missing, unreadable or empty.
    """
    found = list(_of_folder(cohort, features) if cohort.is_dir() else _of_table(cohort, features))
    if not found:
        msg = f"{cohort} names no slide; give a slide table with PATIENT and FILENAME, or a folder of feature files"
        raise InputError(msg)
    _refuse_equal_names(found)
    if slides is None:
        return found
    known = {entry.id: entry for entry in list_slides(slides)}
    return [_with_slide(one, known.get(one.name), slides) for one in found]


def _of_folder(cohort: Path, features: Path | None) -> Iterable[CohortSlide]:
    if features is not None:
        msg = f"--cohort {cohort} is a folder of feature files already; leave --features out, or name a slide table"
        raise ConfigError(msg)
    paths = sorted(path for path in cohort.iterdir() if path.suffix in SUFFIXES and not path.name.startswith("."))
    return [CohortSlide(path.stem, "", path) for path in paths]


def _of_table(cohort: Path, features: Path | None) -> Iterable[CohortSlide]:
    if features is None or not features.is_dir():
        named = "is missing" if features is None else f"{features} is no folder"
        msg = f"--features {named}; name the folder that holds the feature files of {cohort}"
        raise ConfigError(msg)
    table = read_table(cohort)
    refuse(of_patients.empty_cells(table, ["PATIENT", "FILENAME"]))
    refuse(of_slides.of_two_patients(table, lambda filename: find_feature_file(features, filename)[0]))
    slides: dict[Path, CohortSlide] = {}
    for index, (patient, filename) in enumerate(zip(table.column("PATIENT"), table.column("FILENAME"), strict=True)):
        path, there = find_feature_file(features, filename)
        where = table.where(index, "FILENAME")
        fault = "" if there else f"{where}: there is no {path}; extract the slide, or take it out of the table"
        slides.setdefault(path, CohortSlide(path.stem if there else slide_name(filename), patient, path, fault=fault))
    return slides.values()


def _refuse_equal_names(slides: Sequence[CohortSlide]) -> None:
    seen: dict[str, CohortSlide] = {}
    for one in slides:
        other = seen.setdefault(one.name, one)
        if other is not one:
            msg = f"{other.features} and {one.features} would share the folder {one.name!r}; run them into two --out"
            raise ConfigError(msg)


def _with_slide(one: CohortSlide, entry: SlideEntry | None, slides: Path) -> CohortSlide:
    if one.fault:
        return one
    if entry is None:
        fault = f"{slides} has no slide called {one.name}; put it there, or leave --slides out for a plain ground"
        return CohortSlide(one.name, one.patient, one.features, fault=fault)
    return CohortSlide(one.name, one.patient, one.features, entry.path, entry.mpp)
