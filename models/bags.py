"""Bags: all tiles of a patient's slides, and seeded choices of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import InputError
from pipelines.features import in_float16, read_any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.cohort import Patient


@dataclass(frozen=True)
class Bag:
    """The tiles of one patient.

    Attributes
    ----------
    patient_id
        The patient.
    tiles
        (N, D) float16, the slides one after the other in the order of ``Patient.slides``.
    """

    patient_id: str
    tiles: np.ndarray

    def sample(self, tiles: int, rng: np.random.Generator) -> np.ndarray:
        """Return at most ``tiles`` tiles, chosen without replacement, in file order; (n, D) float32.

        Every bag is cut to the same cap because the mere number of tiles can betray the label.
        """
        if len(self.tiles) <= tiles:
            return self.tiles.astype(np.float32)
        chosen = np.sort(rng.permutation(len(self.tiles))[:tiles])
        return self.tiles[chosen].astype(np.float32)


def load_bag(patient: Patient) -> Bag:
    """Read all tiles of a patient, from feature files of any known layout; float32 is rounded to float16.

    Raises
    ------
    InputError
        If a feature file is unreadable, holds a value that is not finite or too large for float16, or all slides
        together hold no tile.
    """
    parts = []
    for path in patient.slides:
        features = in_float16(path, read_any(path).features)
        parts.append(features)
    if sum(len(part) for part in parts) == 0:
        names = ", ".join(str(path) for path in patient.slides)
        msg = f"patient {patient.id}: no tile in {names}; check the tissue mask or take the slide out of the table"
        raise InputError(msg)
    return Bag(patient.id, np.concatenate(parts).astype(np.float16, copy=False))


def label_matrix(patients: Sequence[Patient], targets: Sequence[str]) -> np.ndarray:
    """Return (patients, targets) float32: 1, 0, or NaN where the patient has no label for the target."""
    return np.array([[patient.labels.get(name, np.nan) for name in targets] for patient in patients], np.float32)


def data_sha256(bags: Sequence[Bag], labels: np.ndarray) -> str:
    """Hash tiles and labels in the order given; holds no name, so it may travel with a model."""
    digest = hashlib.sha256()
    for bag, row in zip(bags, labels, strict=True):
        digest.update(repr(bag.tiles.shape).encode())
        digest.update(np.ascontiguousarray(bag.tiles))
        digest.update(np.ascontiguousarray(row))
    return digest.hexdigest()
