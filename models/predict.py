"""Probabilities of one bag, and tables of a cohort's patients or slides."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from models.bags import load_bag
from models.cohort import Patient
from models.training import one_thread
from pipelines.errors import ConfigError, InputError
from pipelines.progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.cohort import Cohort
    from models.feature_kind import FeatureKind
    from models.model_file import Model, ModelSpec


@dataclass(frozen=True)
class Predictions:
    """A table of probabilities, and a sentence for each patient who has none.

    Attributes
    ----------
    table
        PATIENT, n_slides, slides_as, n_tiles (or PATIENT, FILENAME, n_tiles by slide) and one column
        ``<TARGET>_<POSITIVE>`` per target.
    failed
        One sentence for each patient or slide without a prediction.
    """

    table: pd.DataFrame
    failed: tuple[str, ...]


def predict_bag(model: Model, features: np.ndarray) -> dict[str, float]:
    """Return the probability of the positive class by target name.

    Parameters
    ----------
    model
        The model.
    features
        (N, D) tiles of one bag, of any float type.

    Raises
    ------
    InputError
        If there is no tile, the length of a vector is not the model's, or a value is not finite.
    """
    values = np.asarray(features)
    if values.ndim != 2 or len(values) == 0 or values.shape[1] != model.spec.features.dim:
        msg = (
            f"the model reads bags of at least one tile with {model.spec.features.dim} numbers each and got shape "
            f"{values.shape}; use features of {model.spec.features.encoder}"
        )
        raise InputError(msg)
    if not np.isfinite(values).all():
        msg = "the features hold a value that is not finite; extract the slide again"
        raise InputError(msg)
    with one_thread(), torch.inference_mode():
        tiles = torch.from_numpy(values.astype(np.float32))
        probabilities = model.network().predict(tiles, [len(tiles)])[0].tolist()
    return {target.name: p for target, p in zip(model.spec.targets, probabilities, strict=True)}


def predict_cohort(
    model: Model,
    cohort: Cohort,
    level: str = "patient",
    bag_tiles: int | None = None,
    seed: int = 0,
    slides_as: str = "bag",
) -> Predictions:
    """Predict every patient or every slide of a cohort.

    Parameters
    ----------
    model
        The model.
    cohort
        With or without labels; they are not looked at.
    level
        ``patient``: one row per patient. ``slide``: one row per slide, which is a bag of its own.
    bag_tiles
        Cap of tiles per bag, chosen by ``seed`` and the patient's id (or slide's name); None: all tiles.
    seed
        Of that choice.
    slides_as
        How a patient's slides are taken. ``bag``: all tiles together. ``average``: each slide is a bag, and the
        patient has the mean of their probabilities; a patient with a slide that fails has none.

    Raises
    ------
    InputError
        If the features are not of the encoder that the model was trained on.
    ConfigError
        If ``level`` or ``slides_as`` is neither of its two, ``bag_tiles`` is not positive, or slides are to be averaged
        where each has a row.
    """
    if level not in {"patient", "slide"} or (bag_tiles is not None and bag_tiles < 1):
        msg = f"level is 'patient' or 'slide' (got {level!r}) and bag_tiles at least 1 (got {bag_tiles})"
        raise ConfigError(msg)
    if slides_as not in {"bag", "average"} or (slides_as == "average" and level == "slide"):
        msg = f"slides_as is 'bag' or, by patient only, 'average' (got {slides_as!r} by {level})"
        raise ConfigError(msg)
    check_kind(model.spec, cohort.kind)
    rows: list[dict[str, object]] = []
    failed = list(cohort.dropped)
    with progress(len(cohort.patients), "predicting", "patient") as bar:
        for patient in cohort.patients:
            for units, described in _units(patient, level, slides_as):
                try:
                    bags = [_tiles(unit, bag_tiles, seed) for unit in units]
                    probabilities = [predict_bag(model, tiles) for tiles in bags]
                except InputError as error:
                    failed.append(str(error))
                    continue
                columns = {t.column: float(np.mean([p[t.name] for p in probabilities])) for t in model.spec.targets}
                rows.append({**described, "n_tiles": sum(map(len, bags)), **columns})
            bar.update()
    key = ["n_slides", "slides_as"] if level == "patient" else ["FILENAME"]
    header = ["PATIENT", *key, "n_tiles", *(target.column for target in model.spec.targets)]
    return Predictions(pd.DataFrame(rows, columns=header), tuple(failed))


def check_kind(spec: ModelSpec, kind: FeatureKind) -> None:
    """Refuse features that the model was not trained on.

    Raises
    ------
    InputError
        If encoder, card, weights, vector length, tile size or resolution differ.
    """
    if kind != spec.features:
        msg = (
            f"the model reads features of {spec.features} and these are of {kind}; tile and extract as for the training"
        )
        raise InputError(msg)


def _units(patient: Patient, level: str, slides_as: str) -> Iterator[tuple[list[Patient], dict[str, object]]]:
    """Yield, for each row, the bags that it is predicted from, and its first columns."""
    slides = [Patient(patient.id, (slide,), {}) for slide in patient.slides]
    if level == "patient":
        described = {"PATIENT": patient.id, "n_slides": len(slides), "slides_as": slides_as}
        yield [patient] if slides_as == "bag" else slides, described
        return
    for slide in slides:
        yield [slide], {"PATIENT": patient.id, "FILENAME": slide.slides[0].name}


def _tiles(unit: Patient, bag_tiles: int | None, seed: int) -> np.ndarray:
    bag = load_bag(unit)
    if bag_tiles is None:
        return bag.tiles
    # Seeded by name, so that the choice does not depend on which other patients stand in the table.
    name = "\n".join([unit.id, *(slide.name for slide in unit.slides)])
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), np.uint32)
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *words.tolist()])))
    return bag.sample(bag_tiles, rng)
