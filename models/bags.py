"""Bags: all tiles of a patient's slides, and seeded choices of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.feature_kind import read_kind
from pipelines.errors import InputError
from pipelines.features import in_float16, read_any
from pipelines.features.mapped import map_features
from pipelines.preparation import AUGMENTED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.cohort import Patient


class MappedRows:
    """The rows of several slides' arrays, which lie on disk, as if they were one (N, D) array.

    Parameters
    ----------
    parts
        Arrays of the same width, usually memory-mapped; at least one.
    """

    def __init__(self, parts: Sequence[np.ndarray]) -> None:
        self.parts = tuple(parts)
        self._ends = np.cumsum([len(part) for part in parts])
        self.shape = (int(self._ends[-1]), parts[0].shape[1])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Return copies of rows, which are ascending."""
        cuts = np.searchsorted(rows, self._ends)
        starts = [0, *self._ends[:-1]]
        of_parts = zip(self.parts, np.split(rows, cuts[:-1]), starts, strict=True)
        return np.concatenate([part[chosen - start] for part, chosen, start in of_parts])

    def whole(self) -> np.ndarray:
        """Return all rows as one array: in memory, or the mapped one where there is but one."""
        return self.parts[0] if len(self.parts) == 1 else np.concatenate(self.parts)


@dataclass(frozen=True)
class Bag:
    """The tiles of one patient.

    Attributes
    ----------
    patient_id
        The patient.
    tiles
        (N, D) float16, the slides one after the other in the order of ``Patient.slides``.
    augmented
        Further feature sets of the same tiles in the same order, each (N, D) float16; only ``sample`` uses them.
    """

    patient_id: str
    tiles: np.ndarray | MappedRows
    augmented: tuple[np.ndarray | MappedRows, ...] = ()

    def sample(self, tiles: int, rng: np.random.Generator) -> np.ndarray:
        """Return ``take`` in float32."""
        return self.take(tiles, rng).astype(np.float32)

    def take(self, tiles: int, rng: np.random.Generator) -> np.ndarray:
        """Return at most ``tiles`` tiles, chosen without replacement, in file order; (n, D) float16.

        Every bag is cut to the same cap because the mere number of tiles can betray the label. Where there are
        augmented sets, all come from one set, which is drawn each time.
        """
        drawn = int(rng.integers(len(self.augmented) + 1)) if self.augmented else 0
        values = (self.tiles, *self.augmented)[drawn]
        if len(values) <= tiles:
            return values.whole() if isinstance(values, MappedRows) else values
        return values[np.sort(rng.permutation(len(values))[:tiles])]


def load_bag(patient: Patient, augmented: bool = False, mapped: bool = False) -> Bag:
    """Read all tiles of a patient, from feature files of any known layout; float32 is rounded to float16.

    Parameters
    ----------
    patient
        Whose slides are read.
    augmented
        Also read the sets that ``extract --augment`` made: ``augment-1/<slide>.h5`` and so on beside the slides' files.
    mapped
        Leave the tiles of native files on disk and map them, so that a cohort larger than memory can be trained on.
        Files of other layouts are read.

    Raises
    ------
    InputError
        If a feature file is unreadable, holds a value that is not finite or too large for float16, or all slides
        together hold no tile; if an augmented set is asked for and absent, or does not fit the slide's own features.
    """
    parts = []
    sets: list[list[np.ndarray]] = []
    for path in patient.slides:
        parts.append(_rows(path, mapped))
        if augmented:
            sets.append([_augmented(path, further, mapped) for further in augmented_files(path)])
    if sum(len(part) for part in parts) == 0:
        names = ", ".join(str(path) for path in patient.slides)
        msg = f"patient {patient.id}: no tile in {names}; check the tissue mask or take the slide out of the table"
        raise InputError(msg)
    if len({len(of_slide) for of_slide in sets}) > 1:
        names = ", ".join(f"{path} {len(of_slide)}" for path, of_slide in zip(patient.slides, sets, strict=True))
        msg = f"patient {patient.id}: the slides have different numbers of augmented sets ({names}); extract them alike"
        raise InputError(msg)
    further = tuple(_joined(of_set) for of_set in zip(*sets, strict=True))
    return Bag(patient.id, _joined(parts), further)


def augmented_files(path: Path) -> list[Path]:
    """Return the files of a slide's augmented sets, by number; ``InputError`` if there is none or one is absent."""
    folders = [folder for folder in path.parent.glob(f"{AUGMENTED}*") if folder.name[len(AUGMENTED) :].isdigit()]
    folders.sort(key=lambda folder: int(folder.name[len(AUGMENTED) :]))
    if not folders:
        msg = f"{path.parent} holds no augmented sets; extract with --augment, or train without them"
        raise InputError(msg)
    files = [folder / path.name for folder in folders]
    for file in files:
        if not file.is_file():
            msg = f"{file} is missing, but {path} is there; run 'wsi-swarm extract' again with the same --augment"
            raise InputError(msg)
    return files


def _rows(path: Path, mapped: bool) -> np.ndarray:
    found = map_features(path) if mapped else None
    return in_float16(path, read_any(path).features) if found is None else found


def _augmented(path: Path, further: Path, mapped: bool) -> np.ndarray:
    what = ""
    if not np.array_equal(read_any(further).coords, read_any(path).coords):
        what = "other tiles, or tiles in another order,"
    elif read_kind(further) != read_kind(path):
        what = "features of another kind"
    if what:
        msg = f"{further} holds {what} than {path}; run 'wsi-swarm extract' again with the same --augment"
        raise InputError(msg)
    return _rows(further, mapped)


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray | MappedRows:
    if any(isinstance(part, np.memmap) for part in parts):
        return MappedRows([part for part in parts if len(part)])
    return np.concatenate(parts).astype(np.float16, copy=False)


def label_matrix(patients: Sequence[Patient], targets: Sequence[str]) -> np.ndarray:
    """Return (patients, targets) float32: 1, 0, or NaN where the patient has no label for the target."""
    return np.array([[patient.labels.get(name, np.nan) for name in targets] for patient in patients], np.float32)


def data_sha256(bags: Sequence[Bag], labels: np.ndarray) -> str:
    """Hash tiles and labels in the order given; holds no name, so it may travel with a model."""
    digest = hashlib.sha256()
    for bag, row in zip(bags, labels, strict=True):
        digest.update(repr(bag.tiles.shape).encode())
        for values in (bag.tiles, *bag.augmented):
            for part in values.parts if isinstance(values, MappedRows) else (values,):
                digest.update(np.ascontiguousarray(part))
        digest.update(np.ascontiguousarray(row))
    return digest.hexdigest()
