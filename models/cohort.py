"""Cohorts: STAMP's two tables (clinical: PATIENT and targets; slides: PATIENT, FILENAME) joined with feature files."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from models.cohorts import patients as of_patients
from models.cohorts import slides as of_slides
from models.cohorts.features import common_kind
from models.cohorts.finding import refuse
from models.cohorts.sizes import empty_classes
from models.feature_kind import FeatureKind, count_tiles, find_feature_file
from models.tables import Table, read_table
from models.targets import Target, is_missing, resolve_target
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
    dropped: list[str] = []
    standing: list[dict[str, of_patients.Place]] = []
    for centre, table, centre_labels in zip(centres, tables, labels, strict=True):
        slide_table = read_table(centre.slides)
        slides, without = _slides_by_patient(slide_table, centre.features)
        dropped += without
        standing.append({**of_patients.places(slide_table), **of_patients.places(table)})
        refuse(of_patients.in_two_centres(standing))
        for patient_id in sorted(centre_labels.keys() | slides.keys()):
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
    for target in resolved:
        refuse(empty_classes(target, cohort.counts(target.name)[:2], centres[0].clini))
    return cohort


def load_unlabelled_cohort(slides: Path, features: Path) -> Cohort:
    """Load patients from a slide table alone, to predict them; raises as ``load_merged_cohort``."""
    by_patient, dropped = _slides_by_patient(read_table(slides), features)
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
    refuse([*of_patients.empty_cells(table, ["PATIENT"]), *of_patients.contradictions(table, targets)])
    patients: dict[str, dict[str, str]] = {patient: {} for patient in table.column("PATIENT")}
    for name in targets:
        for patient, label in zip(table.column("PATIENT"), table.column(name), strict=True):
            if not is_missing(label):
                patients[patient].setdefault(name, label)
    return patients


def _slides_by_patient(table: Table, features: Path) -> tuple[dict[str, tuple[Path, ...]], list[str]]:
    """Return feature files by patient (empty where none was found) and a sentence for each slide without tiles."""
    refuse(of_patients.empty_cells(table, ["PATIENT", "FILENAME"]))
    refuse(of_slides.of_two_patients(table, lambda filename: find_feature_file(features, filename)[0]))
    found: dict[str, set[Path]] = {}
    without: list[str] = []
    for index, (patient_id, filename) in enumerate(zip(table.column("PATIENT"), table.column("FILENAME"), strict=True)):
        files = found.setdefault(patient_id, set())
        expected, there = find_feature_file(features, filename)
        if there and count_tiles(expected):
            files.add(expected)
        else:
            fault = f"{expected} has no tiles" if there else f"no {expected}"
            without.append(f"slide {filename} ({table.path.name} row {table.numbers[index]}): {fault}")
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
