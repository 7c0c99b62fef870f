"""Cohorts: STAMP's two tables (clinical: PATIENT and targets; slides: PATIENT, FILENAME) joined with feature files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from models.feature_kind import FeatureKind, common_kind, count_tiles, find_feature_file
from models.tables import Table, read_table
from models.targets import Target, is_missing, resolve_target, spelling
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Patient:
    """One patient.

    Attributes
    ----------
    id
        As in both tables.
    slides
        Feature files, sorted; never empty.
    labels
        0 or 1 by target name; a target whose label is unknown is absent.
    """

    id: str
    slides: tuple[Path, ...]
    labels: dict[str, int]


@dataclass(frozen=True)
class Cohort:
    """Patients with features, sorted by id, and what is known of them.

    Attributes
    ----------
    patients
        Those that can be used.
    targets
        The targets asked for; empty for a cohort without a clinical table.
    dropped
        One sentence for each patient or slide that was left out.
    kind
        Encoder and length of all features.
    """

    patients: tuple[Patient, ...]
    targets: tuple[Target, ...]
    dropped: tuple[str, ...]
    kind: FeatureKind

    def counts(self, target: str) -> tuple[int, int, int]:
        """Return numbers of positive, negative and unlabelled patients of this target."""
        labels = Counter(patient.labels.get(target) for patient in self.patients)
        return labels[1], labels[0], labels[None]


@dataclass(frozen=True)
class Centre:
    """One centre's clinical table, slide table and folder of feature files."""

    clini: Path
    slides: Path
    features: Path


def load_cohort(
    clini: Path, slides: Path, features: Path, targets: Sequence[str], positive: Mapping[str, str] | None = None
) -> Cohort:
    """Load one centre's cohort; see ``load_merged_cohort``."""
    return load_merged_cohort([Centre(clini, slides, features)], targets, positive)


def load_merged_cohort(
    centres: Sequence[Centre], targets: Sequence[str], positive: Mapping[str, str] | None = None
) -> Cohort:
    """Load the patients of one or several centres as one cohort.

    Parameters
    ----------
    centres
        Tables and feature folders.
    targets
        Columns of the clinical tables.
    positive
        Positive label by target; a target that is absent here is inferred from well-known spellings.

    Raises
    ------
    ConfigError
        With file, row and column: missing columns, a patient with conflicting labels, a slide of two patients, a
        patient of two centres, features of different encoders, an ambiguous or one-class target.
    InputError
        If a table or feature file is missing or unreadable.
    """
    positive = dict(positive or {})
    check_names(targets, positive)
    tables = [read_table(centre.clini) for centre in centres]
    labels = [labels_by_patient(table, targets) for table in tables]
    where = ", ".join(str(centre.clini) for centre in centres)
    resolved = [
        resolve_target(name, chain(*(t.column(name) for t in tables)), positive.get(name), where) for name in targets
    ]
    patients: dict[str, Patient] = {}
    origin: dict[str, Centre] = {}
    dropped: list[str] = []
    for centre, centre_labels in zip(centres, labels, strict=True):
        slides, without = _slides_by_patient(centre.slides, centre.features)
        dropped += without
        for patient_id in sorted(centre_labels.keys() | slides.keys()):
            if patient_id in origin:
                msg = (
                    f"patient {patient_id} stands in two centres ({origin[patient_id].clini} and {centre.clini}); "
                    "take the patient out of one, or data of one person is counted twice"
                )
                raise ConfigError(msg)
            origin[patient_id] = centre
            reason, patient = _patient(patient_id, centre_labels.get(patient_id), slides.get(patient_id), resolved)
            if patient is None:
                dropped.append(f"patient {patient_id}: {reason}")
            else:
                patients[patient_id] = patient
    ordered = tuple(patients[patient_id] for patient_id in sorted(patients))
    if not ordered:
        msg = f"{where}: no patient has both features and a label; first reasons: {'; '.join(dropped[:3]) or 'none'}"
        raise ConfigError(msg)
    cohort = Cohort(ordered, tuple(resolved), tuple(dropped), common_kind([s for p in ordered for s in p.slides]))
    _require_both_classes(cohort, where)
    return cohort


def load_unlabelled_cohort(slides: Path, features: Path) -> Cohort:
    """Load patients from a slide table alone, to predict them; raises as ``load_merged_cohort``."""
    by_patient, dropped = _slides_by_patient(slides, features)
    patients = tuple(Patient(name, files, {}) for name, files in sorted(by_patient.items()) if files)
    dropped += [f"patient {name}: none of the slides has features" for name, files in by_patient.items() if not files]
    if not patients:
        msg = f"{slides}: no slide has a feature file in {features}; {dropped[0] if dropped else 'the table is empty'}"
        raise ConfigError(msg)
    return Cohort(patients, (), tuple(dropped), common_kind([s for p in patients for s in p.slides]))


def check_names(targets: Sequence[str], positive: Mapping[str, str]) -> None:
    """Refuse (``ConfigError``) no target, one named twice, and a positive label of none of them."""
    if not targets or len(set(targets)) != len(targets):
        msg = f"--target must name at least one column and each only once; found: {', '.join(targets) or 'none'}"
        raise ConfigError(msg)
    for name in positive:
        if name not in targets:
            msg = f"--positive names {name}, which is no --target ({', '.join(targets)})"
            raise ConfigError(msg)


def labels_by_patient(table: Table, targets: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return known labels by patient and target of a clinical table; ``ConfigError`` where two rows disagree."""
    ids = table.column("PATIENT")
    columns = {name: table.column(name) for name in targets}
    patients: dict[str, dict[str, str]] = {}
    first_row: dict[tuple[str, str], int] = {}
    for index, patient_id in enumerate(ids):
        if not patient_id:
            msg = f"{table.where(index, 'PATIENT')}: the patient's id is empty; fill it in or delete the row"
            raise ConfigError(msg)
        labels = patients.setdefault(patient_id, {})
        for name, cells in columns.items():
            if is_missing(cells[index]):
                continue
            known = labels.setdefault(name, cells[index])
            row = first_row.setdefault((patient_id, name), table.numbers[index])
            if spelling(known) != spelling(cells[index]):
                msg = (
                    f"{table.where(index, name)}: patient {patient_id} is {cells[index]!r} here "
                    f"and {known!r} in row {row}; keep the right one"
                )
                raise ConfigError(msg)
    return patients


def _slides_by_patient(path: Path, features: Path) -> tuple[dict[str, tuple[Path, ...]], list[str]]:
    """Return feature files by patient (empty where none was found) and a sentence for each slide without tiles."""
    table = read_table(path)
    found: dict[str, set[Path]] = {}
    owner: dict[Path, tuple[str, int]] = {}
    without: list[str] = []
    for index, (patient_id, filename) in enumerate(zip(table.column("PATIENT"), table.column("FILENAME"), strict=True)):
        for column, cell in (("PATIENT", patient_id), ("FILENAME", filename)):
            if not cell:
                msg = f"{table.where(index, column)}: the cell is empty; fill it in or delete the row"
                raise ConfigError(msg)
        files = found.setdefault(patient_id, set())
        expected, there = find_feature_file(features, filename)
        other, row = owner.setdefault(expected, (patient_id, table.numbers[index]))
        if other != patient_id:
            msg = (
                f"{table.where(index, 'FILENAME')}: slide {filename} belongs to patient {patient_id} here and to "
                f"{other} in row {row}; a slide has one patient"
            )
            raise ConfigError(msg)
        if there and count_tiles(expected):
            files.add(expected)
        else:
            fault = f"{expected} has no tiles" if there else f"no {expected}"
            without.append(f"slide {filename} ({path.name} row {table.numbers[index]}): {fault}")
    return {patient: tuple(sorted(files)) for patient, files in found.items()}, without


def _patient(
    patient_id: str, labels: dict[str, str] | None, slides: tuple[Path, ...] | None, targets: Sequence[Target]
) -> tuple[str, Patient | None]:
    if labels is None:
        return "is in the slide table and not in the clinical table", None
    if slides is None:
        return "has no row in the slide table", None
    if not slides:
        return "none of the slides has features", None
    known = {target.name: target.label(labels.get(target.name, "")) for target in targets}
    present = {name: label for name, label in known.items() if label is not None}
    if not present:
        return f"no label for {' or '.join(known)}", None
    return "", Patient(patient_id, slides, present)


def _require_both_classes(cohort: Cohort, where: str) -> None:
    for target in cohort.targets:
        positives, negatives, _ = cohort.counts(target.name)
        if positives == 0 or negatives == 0:
            lacking = target.positive if positives == 0 else " or ".join(target.negative)
            msg = (
                f"{where}: no patient with features is {lacking} in column {target.name}; add such patients or leave "
                f"the target out ({len(cohort.dropped)} patients or slides were dropped)"
            )
            raise ConfigError(msg)
