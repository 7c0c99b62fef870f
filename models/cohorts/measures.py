"""What is measured of each patient beside the tissue: tiles, slides, resolution, reader, centre, colour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.cohorts.features import SlideFile

COLOURS = {"level.h": "haematoxylin", "level.e": "eosin", "level.od": "darkness"}
"""Names of the three numbers of the ``stain-texture`` encoder that hold the absolute stain."""


@dataclass(frozen=True)
class PatientFacts:
    """One patient's labels and slides.

    Attributes
    ----------
    id, centre, site
        Patient; which of the tables; cell of the centre column ("" without one).
    labels
        Known labels by target.
    files
        Feature files with tiles; empty where no folder of features was named.
    n_slides
        Rows of the slide table.
    """

    id: str
    centre: str
    site: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    files: tuple[SlideFile, ...] = ()
    n_slides: int = 0


@dataclass(frozen=True)
class Measure:
    """One measure of all patients.

    Attributes
    ----------
    name
        As a sentence begins.
    kind
        "number", "category", or "vector" (predicted by a ridge classifier in stratified folds).
    values
        (patients,), or (patients, D) for vectors.
    remedy
        What to do if it betrays the label.
    may_be_biology
        Whether a model is meant to see it as well.
    """

    name: str
    kind: Literal["number", "category", "vector"]
    values: np.ndarray
    remedy: str
    may_be_biology: bool = False

    @property
    def known(self) -> np.ndarray:
        """(patients,) bool: who has a value."""
        if self.kind == "category":
            return self.values != ""
        finite = np.isfinite(self.values.astype(float))
        return finite if finite.ndim == 1 else finite.all(axis=1)


def measures_of(
    patients: Sequence[PatientFacts], colours: Sequence[str] = (), centre_column: str | None = None
) -> list[Measure]:
    """Measure every patient; a measure that would repeat another is left out.

    Parameters
    ----------
    patients
        Those with a label and slides.
    colours
        Names of the features, where the encoder states them; those of ``COLOURS`` become measures.
    centre_column
        Whose cells are the patients' ``site``.
    """
    slides = np.array([patient.n_slides for patient in patients], float)
    tiles = np.array([sum(file.tiles for file in patient.files) for patient in patients], float)
    centre = np.array([patient.centre for patient in patients], str)
    site = np.array([patient.site for patient in patients], str)
    measures = [_slides(slides)]
    if tiles.any():
        measures = [_tiles(tiles), *measures, *_of_files(patients)]
        if not np.array_equal(slides, np.ones_like(slides)):
            measures.append(_tiles_per_slide(tiles / np.maximum([len(p.files) for p in patients], 1)))
        measures += _of_features(patients, colours)
    elsewhere = "test on a centre that no model was trained on, and report each centre's AUROC"
    measures.append(Measure("the centre whose tables these are", "category", centre, elsewhere))
    measures.append(Measure(f"the centre column {centre_column}", "category", site, elsewhere))
    return measures


def _tiles(tiles: np.ndarray) -> Measure:
    cap = int(tiles[tiles > 0].min())
    remedy = (
        f"give every patient the same number of tiles: train --bag-tiles {cap} and predict --bag-tiles {cap}, as "
        f"many as the patient with the fewest has"
    )
    return Measure("the number of tiles per patient", "number", tiles, remedy)


def _slides(slides: np.ndarray) -> Measure:
    remedy = "keep as many slides of each patient, chosen without looking at the label, or predict --slides-as average"
    return Measure("the number of slides per patient", "number", slides, remedy)


def _tiles_per_slide(tiles: np.ndarray) -> Measure:
    remedy = "see whether biopsies and resections, or two scanners, are mixed, and cap the tiles with train --bag-tiles"
    return Measure("the mean number of tiles per slide", "number", tiles, remedy)


def _of_files(patients: Sequence[PatientFacts]) -> list[Measure]:
    def mean_mpp(patient: PatientFacts) -> float:
        known = [file.mpp for file in patient.files if file.mpp is not None]
        return float(np.mean(known)) if known else np.nan

    scanner = "see whether one class was scanned elsewhere; if so, test on slides of one scanner"
    mpp = np.array([mean_mpp(patient) for patient in patients])
    readers = np.array(["+".join(sorted({file.reader for file in p.files} - {""})) for p in patients], str)
    return [
        Measure("the resolution at which the slides were scanned (µm per pixel)", "number", mpp, scanner),
        Measure("the reader that opened the slides, hence their format", "category", readers, scanner),
    ]


def _of_features(patients: Sequence[PatientFacts], colours: Sequence[str]) -> list[Measure]:
    length = max((len(f.mean) for p in patients for f in p.files if f.mean is not None), default=0)
    if not length:
        return []

    def mean(patient: PatientFacts) -> np.ndarray:
        means = [file.mean for file in patient.files if file.mean is not None and len(file.mean) == length]
        return np.mean(means, axis=0) if means else np.full(length, np.nan)

    vectors = np.stack([mean(patient) for patient in patients])
    stain = "see whether one class was stained or scanned elsewhere, and extract with --stain-norm"
    measures = [
        Measure(f"the mean colour ({COLOURS[name]})", "number", vectors[:, at], stain)
        for at, name in enumerate(colours)
        if name in COLOURS
    ]
    remedy = (
        "it may be biology, stain or scanner: a model with attention is worth its effort where it beats this, and "
        "a test in another centre tells which it is"
    )
    measures.append(Measure("the mean of all tiles' features", "vector", vectors, remedy, may_be_biology=True))
    return measures
