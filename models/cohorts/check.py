"""The whole examination: read the tables, look at the features, ask every family for its findings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.cohorts import features as of_features
from models.cohorts import patients as of_patients
from models.cohorts.finding import Finding, Severity
from models.cohorts.label_spelling import meaning
from models.cohorts.labels import examine_labels
from models.cohorts.loading import load_centre
from models.cohorts.measures import measures_of
from models.cohorts.shortcuts import Shortcut, find_shortcuts, findings_of
from models.cohorts.sizes import empty_classes, small_classes
from models.targets import is_missing, spelling

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from models.cohorts.loading import CentreFiles, LoadedCentre
    from models.targets import Target


@dataclass(frozen=True)
class CentreSummary:
    """Numbers of one centre.

    Attributes
    ----------
    clini, test
        Which.
    in_clini, in_slides, usable
        Patients of either table; those in both, and with tiles where features were named.
    slides, files, tiles
        Rows of the slide table, readable feature files, tiles.
    labels
        By target: usable patients by label.
    """

    clini: Path
    test: bool
    in_clini: int
    in_slides: int
    usable: int
    slides: int
    files: int
    tiles: int
    labels: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Examination:
    """Everything that was found; findings are sorted, errors first."""

    centres: tuple[CentreSummary, ...]
    findings: tuple[Finding, ...]
    shortcuts: tuple[Shortcut, ...]

    def count(self, severity: Severity) -> int:
        """Return the number of findings of one severity."""
        return sum(finding.severity == severity for finding in self.findings)


def examine(
    centres: Sequence[CentreFiles],
    targets: Sequence[str],
    positive: Mapping[str, str] | None = None,
    centre_column: str | None = None,
) -> Examination:
    """Examine the tables and features of one or several centres.

    Parameters
    ----------
    centres
        Their files; those with ``test`` must not share a patient with the others.
    targets
        Columns of the clinical tables.
    positive
        Positive label by target, where it can't be told from well-known spellings.
    centre_column
        Column of the clinical tables that names each patient's centre.
    """
    found: list[Finding] = []
    loaded = [load_centre(source, targets, centre_column, found) for source in centres]
    found += _between(loaded)
    resolved = _labels(loaded, targets, positive or {}, found)
    kinds = {f.path: f.kind for centre in loaded for f in centre.files.values() if f.kind is not None and f.tiles}
    found += of_features.mixed_kinds(kinds)
    for test in (False, True):
        found += _sizes([centre for centre in loaded if centre.source.test is test], resolved)
    shortcuts = _shortcuts(
        [centre for centre in loaded if not centre.source.test], targets, resolved, centre_column, found
    )
    order = list(Severity)
    found.sort(key=lambda f: (order.index(f.severity), f.kind, str(f.file), f.row or 0, f.column or ""))
    return Examination(tuple(_summary(centre, targets) for centre in loaded), tuple(found), tuple(shortcuts))


def _between(loaded: Sequence[LoadedCentre]) -> list[Finding]:
    def people(centre: LoadedCentre) -> dict[str, of_patients.Place]:
        return {**of_patients.places(centre.slides), **of_patients.places(centre.clini)}

    train = [people(centre) for centre in loaded if not centre.source.test]
    found = of_patients.in_two_centres(train)
    everyone: dict[str, of_patients.Place] = {}
    for centre in train:
        everyone = {**centre, **everyone}
    for centre in loaded:
        if centre.source.test:
            found += of_patients.in_train_and_test(everyone, people(centre))
    return found


def _labels(
    loaded: Sequence[LoadedCentre], targets: Sequence[str], positive: Mapping[str, str], found: list[Finding]
) -> dict[str, Target]:
    resolved = {}
    for name in targets:
        tables = [centre.clini for centre in loaded if centre.clini is not None and name in centre.targets]
        if tables:
            target, faults = examine_labels(tables, name, positive.get(name))
            found += faults
            if target is not None:
                resolved[name] = target
    return resolved


def _sizes(centres: Sequence[LoadedCentre], resolved: Mapping[str, Target]) -> list[Finding]:
    readable = [centre for centre in centres if centre.clini is not None]
    if not readable:
        return []
    who = "in the test tables" if readable[0].source.test else "in the clinical table"
    if any(centre.files for centre in readable):
        who = "with features"
    elif any(centre.slides is not None for centre in readable):
        who = "with slides"
    found = []
    for target in resolved.values():
        labels = [target.label(p.labels.get(target.name, "")) for centre in readable for p in centre.patients]
        counts = labels.count(1), labels.count(0)
        for finding in (empty_classes, small_classes):
            found += finding(target, counts, readable[0].source.clini, who)
    return found


def _shortcuts(
    centres: Sequence[LoadedCentre],
    targets: Sequence[str],
    resolved: Mapping[str, Target],
    centre_column: str | None,
    found: list[Finding],
) -> list[Shortcut]:
    patients = [patient for centre in centres for patient in centre.patients]
    if not any(centre.slides is not None for centre in centres) or len(patients) < 2:
        return []
    measures = measures_of(patients, _feature_names(centres), centre_column)
    shortcuts: list[Shortcut] = []
    for name in targets:
        target = resolved.get(name)
        labels = _shown_labels([patient.labels.get(name, "") for patient in patients], target)
        shortcuts += find_shortcuts(name, labels, measures, None if target is None else target.positive)
    found += findings_of(shortcuts, centres[0].source.clini)
    return shortcuts


def _shown_labels(labels: Sequence[str], target: Target | None) -> list[str | None]:
    """Return each patient's class in one spelling."""
    if target is None:
        usual: dict[str, str] = {}
        return [None if is_missing(label) else usual.setdefault(meaning(spelling(label)), label) for label in labels]
    names = {1: target.positive, 0: " or ".join(target.negative), None: None}
    return [names[target.label(label)] for label in labels]


def _feature_names(centres: Iterable[LoadedCentre]) -> Sequence[str]:
    kinds = {file.kind.encoder for centre in centres for file in centre.files.values() if file.kind is not None}
    if kinds != {"stain-texture"}:
        return ()
    from models.encoders.stain_texture import feature_names  # torch

    return feature_names()


def _summary(centre: LoadedCentre, targets: Sequence[str]) -> CentreSummary:
    files = {f.path: f for f in centre.files.values() if f.there and not f.fault}
    labels = {name: dict(Counter(p.labels[name] for p in centre.patients if name in p.labels)) for name in targets}
    return CentreSummary(
        clini=centre.source.clini,
        test=centre.source.test,
        in_clini=len(of_patients.places(centre.clini)),
        in_slides=len(of_patients.places(centre.slides)),
        usable=len(centre.patients),
        slides=0 if centre.slides is None else len(centre.slides.rows),
        files=len(files),
        tiles=sum(file.tiles for file in files.values()),
        labels=labels,
    )
