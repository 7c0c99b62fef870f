"""Cohorts of tables: measurements and a clinical table joined by patient, scaled centre by centre."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from models.cohort import check_names, labels_by_patient
from models.tables import read_table
from models.tabular.scaling import scale
from models.tabular.table import Measurements, columns_sha256, read_measurements
from models.targets import Target, resolve_target
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class TableCentre:
    """One centre's table of measurements and its clinical table."""

    table: Path
    clini: Path


@dataclass(frozen=True, eq=False)
class TableCohort:
    """Patients of one or several centres, centre by centre, each centre's sorted by id.

    Attributes
    ----------
    patients
        Their ids.
    columns
        Names of the columns, sorted.
    values
        (patients, columns) float32, scaled.
    targets
        The targets asked for.
    labels
        (patients, targets) float32: 1, 0, or NaN for unknown.
    scaling
        How ``values`` were scaled; see ``models.tabular.scaling``.
    dropped
        One sentence for each patient that was left out.
    """

    patients: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray
    targets: tuple[Target, ...]
    labels: np.ndarray
    scaling: str
    dropped: tuple[str, ...] = ()

    def counts(self, target: str) -> tuple[int, int, int]:
        """Return numbers of positive, negative and unlabelled patients of this target."""
        labels = self.labels[:, [t.name for t in self.targets].index(target)]
        return int((labels == 1).sum()), int((labels == 0).sum()), int(np.isnan(labels).sum())


def load_table_cohort(
    centres: Sequence[TableCentre],
    targets: Sequence[str],
    scaling: str,
    positive: Mapping[str, str] | None = None,
    columns: Sequence[str] | None = None,
) -> TableCohort:
    """Load one or several centres' tables as one cohort.

    Parameters
    ----------
    centres
        Their tables.
    targets
        Columns of the clinical tables.
    scaling
        How each centre's table is scaled, by itself.
    positive
        Positive label by target; a target that is absent here is inferred from well-known spellings.
    columns
        The columns to use. None: all, and then the tables must have the same ones.

    Raises
    ------
    ConfigError
        With file, row and column: a cell that is no number, columns that differ or lack, a patient of two centres,
        conflicting labels, an ambiguous or one-class target.
    InputError
        If a table is missing or unreadable.
    """
    positive = dict(positive or {})
    check_names(targets, positive)
    tables = [read_table(centre.clini) for centre in centres]
    where = ", ".join(str(centre.clini) for centre in centres)
    resolved = tuple(
        resolve_target(name, chain(*(t.column(name) for t in tables)), positive.get(name), where) for name in targets
    )
    measured = [read_measurements(centre.table) for centre in centres]
    columns = tuple(sorted(columns)) if columns is not None else _common_columns(measured)
    patients: list[str] = []
    values: list[np.ndarray] = []
    labels: list[list[float]] = []
    dropped: list[str] = []
    origin: dict[str, Path] = {}
    for one, clinical in zip(measured, tables, strict=True):
        known = labels_by_patient(clinical, targets)
        rows = {name: row for row, name in enumerate(one.patients)}
        used: list[int] = []
        for name in sorted(rows.keys() | known.keys()):
            if name in origin:
                msg = (
                    f"patient {name} stands in two centres ({origin[name]} and {one.path}); "
                    "take the patient out of one, or data of one person is counted twice"
                )
                raise ConfigError(msg)
            origin[name] = one.path
            found = [target.label(known.get(name, {}).get(target.name, "")) for target in resolved]
            reason = _why_not(name, rows, known, found, resolved)
            if reason:
                dropped.append(f"patient {name}: {reason}")
                continue
            used.append(rows[name])
            patients.append(name)
            labels.append([np.nan if label is None else label for label in found])
        if used:
            values.append(scale(one.select(columns)[used], scaling))
    if not patients:
        msg = (
            f"{where}: no patient has both measurements and a label; first reasons: {'; '.join(dropped[:3]) or 'none'}"
        )
        raise ConfigError(msg)
    cohort = TableCohort(
        tuple(patients),
        columns,
        np.concatenate(values),
        resolved,
        np.array(labels, np.float32),
        scaling,
        tuple(dropped),
    )
    _require_both_classes(cohort, where)
    return cohort


def _common_columns(measured: Sequence[Measurements]) -> tuple[str, ...]:
    for other in measured[1:]:
        if other.columns != measured[0].columns:
            both = len(set(other.columns) & set(measured[0].columns))
            msg = (
                f"{measured[0].path} has {len(measured[0].columns)} columns (sha256 "
                f"{columns_sha256(measured[0].columns)[:12]}) and {other.path} {len(other.columns)} (sha256 "
                f"{columns_sha256(other.columns)[:12]}), {both} of them in both; name the columns to use with --columns"
            )
            raise ConfigError(msg)
    return measured[0].columns


def _why_not(
    name: str,
    rows: Mapping[str, int],
    known: Mapping[str, object],
    found: Sequence[int | None],
    targets: Sequence[Target],
) -> str:
    if name not in known:
        return "is in the table of measurements and not in the clinical table"
    if name not in rows:
        return "has no measurements"
    if all(label is None for label in found):
        return f"no label for {' or '.join(target.name for target in targets)}"
    return ""


def _require_both_classes(cohort: TableCohort, where: str) -> None:
    for target in cohort.targets:
        positives, negatives, _ = cohort.counts(target.name)
        if positives == 0 or negatives == 0:
            lacking = target.positive if positives == 0 else " or ".join(target.negative)
            msg = (
                f"{where}: no patient with measurements is {lacking} in column {target.name}; add such patients or "
                f"leave the target out ({len(cohort.dropped)} patients were dropped)"
            )
            raise ConfigError(msg)
