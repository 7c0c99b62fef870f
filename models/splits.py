"""Splits of patients into folds: stratified by their labels, or one centre each; and the file that keeps them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.tables import read_table
from models.targets import is_missing
from pipelines import files
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FORMAT = "wsi-swarm splits 1"


@dataclass(frozen=True)
class Fold:
    """Ids of three groups of patients that share nobody.

    Attributes
    ----------
    name
        ``1``, ``2`` and so on, or the centre that is left out.
    train
        Patients whose labels move weights.
    validation
        Patients on whom early stopping and the choice of settings look.
    test
        Patients nobody looks at before the model is final.
    """

    name: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


def deal(labels: np.ndarray, hands: int, seed: int) -> np.ndarray:
    """Return (n,) the number, 0 to ``hands`` - 1, of the part that each patient falls into.

    Patients with the same labels (1, 0, unknown, by target) are shuffled and dealt out one by one, the next group going
    on where the last one ended: sizes differ by one at most, and so does the number of every combination of labels.

    Parameters
    ----------
    labels
        (n, T): 1, 0, or NaN for unknown.
    """
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
    patterns = np.where(np.isnan(labels), 2, labels).astype(int)
    _, group = np.unique(patterns, axis=0, return_inverse=True)
    order = np.lexsort((rng.permutation(len(labels)), group.ravel()))
    parts = np.empty(len(labels), int)
    parts[order] = np.arange(len(labels)) % hands
    return parts


def make_folds(
    patients: Sequence[str],
    labels: np.ndarray,
    folds: int,
    seed: int,
    groups: Mapping[str, str] | None = None,
    inner: int = 5,
) -> tuple[Fold, ...]:
    """Split patients into folds, each with its own inner split.

    Parameters
    ----------
    patients
        Ids.
    labels
        (patients, T): 1, 0, or NaN for unknown.
    folds
        Number of stratified folds, unless ``groups`` are given.
    seed
        Of every choice.
    groups
        Centre by patient: each centre is left out once.
    inner
        One part of this many of the patients that are not tested becomes the validation part.

    Raises
    ------
    ConfigError
        If there are too few patients or centres, or a training or validation part would lack a class.
    """
    if groups is None:
        if not 2 <= folds <= len(patients):
            msg = f"--folds is {folds}; choose from 2 to the number of patients, {len(patients)}"
            raise ConfigError(msg)
        part = deal(labels, folds, seed)
        names = [str(number + 1) for number in range(folds)]
    else:
        names = sorted(set(groups.values()))
        if len(names) < 2:
            msg = f"leaving one centre out needs at least two; the tables name {', '.join(names)}"
            raise ConfigError(msg)
        part = np.array([names.index(groups[patient]) for patient in patients])
    made = []
    for number, name in enumerate(names):
        rest = np.flatnonzero(part != number)
        held = deal(labels[rest], inner, seed + 1 + number) == 0
        check_classes(labels[rest[~held]], f"the training part of fold {name}")
        check_classes(labels[rest[held]], f"the validation part of fold {name}")
        groups_of = (rest[~held], rest[held], np.flatnonzero(part == number))
        ids = [tuple(patients[i] for i in chosen) for chosen in groups_of]
        made.append(Fold(name, *ids))
    return tuple(made)


def groups_of(clini: Path, column: str, patients: Sequence[str]) -> dict[str, str]:
    """Return each patient's value in a column of the clinical table.

    Raises
    ------
    ConfigError
        If the column is missing, or a patient has no value or two.
    """
    table = read_table(clini)
    found: dict[str, set[str]] = {}
    for patient, value in zip(table.column("PATIENT"), table.column(column), strict=True):
        if not is_missing(value):
            found.setdefault(patient, set()).add(value)
    for patient in patients:
        if len(found.get(patient, ())) != 1:
            msg = f"{clini}: patient {patient} has {len(found.get(patient, ()))} values in column {column}, not one"
            raise ConfigError(msg)
    return {patient: min(found[patient]) for patient in patients}


def save_folds(path: Path, folds: Sequence[Fold]) -> None:
    """Write folds as JSON; the file names patients and stays at the centre."""
    files.write_json(path, {"format": FORMAT, "folds": [asdict(fold) for fold in folds]})


def load_folds(path: Path, patients: Sequence[str]) -> tuple[Fold, ...]:
    """Read folds for these patients.

    Raises
    ------
    InputError
        If the file is missing or no such file.
    ConfigError
        If a patient stands in two parts of a fold or in two tests, or the file and ``patients`` name different ones.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        parts = ("train", "validation", "test")
        folds = tuple(Fold(str(f["name"]), *(tuple(map(str, f[part])) for part in parts)) for f in values["folds"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path} is no file of splits ({error!r}); name a splits.json that 'wsi-swarm crossval' wrote"
        raise InputError(msg) from error
    tested = [patient for fold in folds for patient in fold.test]
    if len(tested) != len(set(tested)):
        msg = f"{path}: a patient stands in the test part of two folds; make the splits anew"
        raise ConfigError(msg)
    for fold in folds:
        everyone = [*fold.train, *fold.validation, *fold.test]
        strange = set(everyone) ^ set(patients)
        if len(everyone) != len(set(everyone)) or strange:
            who = f"{len(strange)} patients differ, for instance {min(strange)}" if strange else "one stands twice"
            msg = f"{path}: fold {fold.name} does not fit the tables ({who}); use those it was made of, or make it anew"
            raise ConfigError(msg)
    return folds


def check_classes(labels: np.ndarray, what: str) -> None:
    """Refuse (``ConfigError``) a part of the patients in which a target has one class alone."""
    for column in labels.T:
        if not ((column == 1).any() and (column == 0).any()):
            msg = f"{what} lacks a class of a target; choose fewer folds, or leave the target out"
            raise ConfigError(msg)
