"""Cohorts of measurements: the columns that all have, scaled as each centre would do it by itself."""

from __future__ import annotations

import functools
import hashlib
import operator
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from models.tabular.cohort import TableCohort
from models.tabular.learners import make_table_learner, table_hyperparameters, table_model
from models.tabular.scaling import scale
from models.tabular.table import PATIENT, columns_sha256
from models.targets import spelling
from wsi_swarm.errors import ConfigError
from wsi_swarm.study.materials.base import Pool, known_targets, unique, word, write_csv
from wsi_swarm.swarm.config import TableConfig
from wsi_swarm.swarm.node.families import Sources
from wsi_swarm.swarm.node.learning import hyperparameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from models.learner import Learner, State
    from models.tabular.learners import TableHyperparameters, TableLearner
    from models.targets import Target
    from wsi_swarm.study.types import TableSource
    from wsi_swarm.swarm.config import RunConfig, TargetConfig


class TableMaterial:
    """Implements ``base.Material`` for tables.

    Raises
    ------
    ConfigError
        If the cohorts share no column, a clinical column is not there, or a patient stands in two cohorts.

    Notes
    -----
    Patients whose label is missing, or is none that the study names, are left out.
    """

    def __init__(self, sources: Sequence[TableSource], targets: Sequence[TargetConfig], batch: str = "") -> None:
        self.targets = known_targets(targets)
        common = functools.reduce(operator.and_, (set(one.columns) for one in sources))
        if not common:
            msg = f"the cohorts {', '.join(one.name for one in sources)} have no column in common"
            raise ConfigError(msg)
        self.columns = tuple(sorted(common))
        self._values = np.concatenate([_select(one, self.columns) for one in sources])
        cohorts = [one.name for one in sources for _ in one.patients]
        patients = [patient for one in sources for patient in one.patients]
        unique(patients, cohorts)
        batches = [t for one in sources for t in (_texts(one, batch) if batch else [one.name] * len(one.patients))]
        labels = np.concatenate([np.column_stack([_labels(one, target) for target in self.targets]) for one in sources])
        used = np.flatnonzero(~np.isnan(labels).all(axis=1))
        self._values = self._values[used]

        def of_used(texts: Sequence[str]) -> tuple[str, ...]:
            return tuple(texts[row] for row in used)

        self.pool = Pool(of_used(patients), of_used(cohorts), of_used(batches), labels[used])

    def sha256(self) -> str:
        """Hash everything; see ``base.Material``."""
        pool = self.pool
        digest = hashlib.sha256(repr((pool.patients, pool.cohorts, pool.batches, self.columns)).encode())
        digest.update(pool.labels.tobytes())
        digest.update(self._values.tobytes())
        return digest.hexdigest()

    def section(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the ``[table]`` of ``run.toml``; see ``base.Material``."""
        kind = str(settings.get("kind", ""))
        table_hyperparameters(kind, {name: value for name, value in settings.items() if name != "kind"})
        return {"table": TableConfig(columns_sha256=columns_sha256(self.columns), n_features=len(self.columns))}

    def learner(self, config: RunConfig, rows: np.ndarray, apart: bool = False) -> Learner:
        """Return a learner of these patients; see ``base.Material``."""
        settings = cast("TableHyperparameters", hyperparameters(config))
        rows = np.array(sorted(rows, key=lambda row: self.pool.patients[row]))
        cohorts = [self.pool.cohorts[row] for row in rows]
        values = np.empty((len(rows), len(self.columns)), np.float32)
        for name in sorted(set(cohorts)) if apart else [""]:
            chosen = np.array([cohort == name or not apart for cohort in cohorts])
            values[chosen] = scale(self._values[rows[chosen]], settings.scaling)
        cohort = TableCohort(
            tuple(self.pool.patients[row] for row in rows),
            self.columns,
            values,
            self.targets,
            self.pool.labels[rows],
            settings.scaling,
        )
        return make_table_learner(cohort, settings)

    def probabilities(
        self, config: RunConfig, state: State, learner: Learner, rows: np.ndarray, trained: np.ndarray
    ) -> np.ndarray:
        """Predict patients; see ``base.Material``.

        Where scaling needs mean and spread, they are those of the patients of the same cohort that the model learned
        from, and of the test patients themselves where it learned from none of their cohort.
        """
        model = table_model(cast("TableLearner", learner), state, {})
        found = np.empty((len(rows), len(self.targets)))
        cohorts = np.array(self.pool.cohorts)
        for name in sorted(set(cohorts[rows])):
            own, reference = cohorts[rows] == name, trained[cohorts[trained] == name]
            known = self._values[reference] if len(reference) > 1 else None
            found[own] = model.probabilities(scale(self._values[rows[own]], model.spec.scaling, known))
        return found

    def write_centre(self, rows: np.ndarray, folder: Path) -> Sources:
        """Write ``clini.csv`` and ``table.csv``; numbers so that they are read back exactly."""
        folder.mkdir(parents=True, exist_ok=True)
        clini, table = [["PATIENT", *(target.name for target in self.targets)]], [[PATIENT, *self.columns]]
        for row in rows:
            patient, labels = self.pool.patients[row], zip(self.targets, self.pool.labels[row], strict=True)
            clini.append([patient, *(word(target, label) for target, label in labels)])
            table.append([patient, *map(str, self._values[row].tolist())])
        write_csv(folder / "clini.csv", clini)
        write_csv(folder / "table.csv", table)
        return Sources(folder / "clini.csv", table=folder / "table.csv")


def _select(source: TableSource, columns: Sequence[str]) -> np.ndarray:
    place = {name: number for number, name in enumerate(source.columns)}
    return source.values[:, [place[name] for name in columns]]


def _texts(source: TableSource, column: str) -> tuple[str, ...]:
    if column not in source.clinical:
        msg = f"the cohort {source.name} has no clinical column {column}; it has {', '.join(source.clinical)}"
        raise ConfigError(msg)
    return source.clinical[column]


def _labels(source: TableSource, target: Target) -> np.ndarray:
    """Return 1, 0, or NaN for a label that is missing or that the study names neither positive nor negative."""
    negative = {spelling(label) for label in target.negative}
    known = {spelling(target.positive): 1.0, **dict.fromkeys(negative, 0.0)}
    return np.array([known.get(spelling(text), np.nan) for text in _texts(source, target.name)], np.float32)
