"""Cohorts of slides: every patient's tiles as a bag, mapped from the feature files."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from models.aggregators import DEFAULT, aggregator_class
from models.bags import data_sha256, label_matrix, load_bag
from models.cohort import load_cohort
from models.mil_batches import Packing
from models.mil_learner import MilLearner
from models.model_file import Model
from models.tables import read_table
from models.training import one_thread
from wsi_swarm.errors import ConfigError
from wsi_swarm.study.materials.base import Pool, known_targets, unique, word, write_csv
from wsi_swarm.swarm.config import FeatureConfig
from wsi_swarm.swarm.node.families import Sources
from wsi_swarm.swarm.node.learning import hyperparameters, model_spec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from models.cohort import Patient
    from models.feature_kind import FeatureKind
    from models.hyperparameters import Hyperparameters
    from models.learner import Learner, State
    from wsi_swarm.study.types import SlideSource
    from wsi_swarm.swarm.config import RunConfig, TargetConfig

AT_ONCE = 32
"""Bags that are predicted together."""


class SlideMaterial:
    """Implements ``base.Material`` for slides.

    Raises
    ------
    ConfigError
        If features of two kinds would be mixed, or tables are faulty.
    """

    def __init__(self, sources: Sequence[SlideSource], targets: Sequence[TargetConfig], batch: str = "") -> None:
        self.targets = known_targets(targets)
        positive = {target.name: target.positive for target in self.targets}
        patients: list[Patient] = []
        cohorts: list[str] = []
        batches: list[str] = []
        kinds: dict[FeatureKind, str] = {}
        for one in sources:
            cohort = load_cohort(one.clini, one.slides, one.features, list(positive), positive)
            patients += cohort.patients
            cohorts += [one.name] * len(cohort.patients)
            batches += _batches(one, cohort.patients, batch)
            kinds.setdefault(cohort.kind, one.name)
        unique([patient.id for patient in patients], cohorts)
        if len(kinds) > 1:
            msg = f"the cohorts {' and '.join(kinds.values())} have features of different kinds; extract all alike"
            raise ConfigError(msg)
        self._patients, self._kind = patients, next(iter(kinds))
        self._bags = [load_bag(patient, mapped=True) for patient in patients]
        labels = label_matrix(patients, list(positive))
        self.pool = Pool(tuple(one.id for one in patients), tuple(cohorts), tuple(batches), labels)

    def sha256(self) -> str:
        """Hash everything; see ``base.Material``."""
        pool, kind = self.pool, asdict(self._kind)
        told = repr((pool.patients, pool.cohorts, pool.batches, kind, data_sha256(self._bags, pool.labels)))
        return hashlib.sha256(told.encode()).hexdigest()

    def section(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the ``[features]`` of ``run.toml``; see ``base.Material``."""
        return {"features": FeatureConfig(**asdict(self._kind))}

    def learner(self, config: RunConfig, rows: np.ndarray, apart: bool = False) -> Learner:
        """Return a learner of these patients; features are not scaled by centre, so ``apart`` changes nothing."""
        rows = np.array(sorted(rows, key=lambda row: self.pool.patients[row]))
        settings = cast("Hyperparameters", hyperparameters(config))
        return MilLearner.from_bags([self._bags[r] for r in rows], self.pool.labels[rows], model_spec(config), settings)

    def probabilities(
        self, config: RunConfig, state: State, learner: Learner, rows: np.ndarray, trained: np.ndarray
    ) -> np.ndarray:
        """Predict patients from all their tiles; see ``base.Material``."""
        network, packing = Model(state, model_spec(config)).network(), Packing(torch.device("cpu"), torch.float32)
        found: list[np.ndarray] = []
        with one_thread(), torch.inference_mode():
            for start in range(0, len(rows), AT_ONCE):
                tiles = [self._bags[row].take(2**31, np.random.default_rng(0)) for row in rows[start : start + AT_ONCE]]
                found.append(network.predict(packing.pack(tiles), [len(bag) for bag in tiles]).numpy())
        return np.concatenate(found)

    def explains(self, settings: Mapping[str, Any]) -> bool:
        """Whether a learner with these settings can say which tile counts how much."""
        return aggregator_class(str(settings.get("aggregator", DEFAULT))).explains

    def first_file(self, row: int) -> Path:
        """Return the feature file of a patient's first slide."""
        return self._patients[row].slides[0]

    def write_centre(self, rows: np.ndarray, folder: Path) -> Sources:
        """Write both tables, and copy the feature files."""
        (folder / "features").mkdir(parents=True, exist_ok=True)
        clini, slides = [["PATIENT", *(target.name for target in self.targets)]], [["PATIENT", "FILENAME"]]
        for row in rows:
            patient = self._patients[row]
            labels = zip(self.targets, self.pool.labels[row], strict=True)
            clini.append([patient.id, *(word(target, label) for target, label in labels)])
            for file in patient.slides:
                shutil.copy(file, folder / "features" / file.name)
                slides.append([patient.id, file.name])
        write_csv(folder / "clini.csv", clini)
        write_csv(folder / "slides.csv", slides)
        return Sources(folder / "clini.csv", folder / "slides.csv", folder / "features")


def _batches(source: SlideSource, patients: Sequence[Patient], column: str) -> list[str]:
    if not column:
        return [source.name] * len(patients)
    table = read_table(source.clini)
    of = dict(zip(table.column("PATIENT"), table.column(column), strict=True))
    return [of[patient.id] for patient in patients]
