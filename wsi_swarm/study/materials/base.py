"""What a study needs of its patients, whatever is measured of them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from models.targets import Target
from pipelines.files import write_text
from wsi_swarm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from models.learner import Learner, State
    from wsi_swarm.swarm.config import RunConfig, TargetConfig
    from wsi_swarm.swarm.node.families import Sources


@dataclass(frozen=True, eq=False)
class Pool:
    """All patients of a scenario's cohorts.

    Attributes
    ----------
    patients
        Their ids, each once.
    cohorts, batches
        Cohort, and laboratory or study, of each.
    labels
        (patients, targets) float32: 1, 0, or NaN for unknown.
    """

    patients: tuple[str, ...]
    cohorts: tuple[str, ...]
    batches: tuple[str, ...]
    labels: np.ndarray


class Material(Protocol):
    """Patients and their measurements; rows are indices into the pool."""

    pool: Pool

    def sha256(self) -> str:
        """Hash all patients, labels and measurements."""
        ...

    def section(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return what ``run.toml`` says of the data: ``features`` or ``table``."""
        ...

    def learner(self, config: RunConfig, rows: np.ndarray, apart: bool = False) -> Learner:
        """Return a learner of these patients.

        Parameters
        ----------
        apart
            Whether each cohort's measurements are scaled by themselves, as merged data of several centres are; without
            it the rows are one centre.
        """
        ...

    def probabilities(
        self, config: RunConfig, state: State, learner: Learner, rows: np.ndarray, trained: np.ndarray
    ) -> np.ndarray:
        """Return (rows, targets) float64; ``trained`` are the rows that the model learned from."""
        ...

    def write_centre(self, rows: np.ndarray, folder: Path) -> Sources:
        """Write these patients as a centre's tables, for a real node."""
        ...


def unique(patients: Sequence[str], cohorts: Sequence[str]) -> None:
    """Refuse a patient who stands in two cohorts."""
    seen: dict[str, str] = {}
    for patient, cohort in zip(patients, cohorts, strict=True):
        if patient in seen:
            msg = f"patient {patient} stands in the cohorts {seen[patient]} and {cohort}; take the patient out of one"
            raise ConfigError(msg)
        seen[patient] = cohort


def known_targets(targets: Sequence[TargetConfig]) -> tuple[Target, ...]:
    """Return the targets of a study as models know them."""
    return tuple(Target(one.name, one.positive, one.negative) for one in targets)


def word(target: Target, label: float) -> str:
    """Return a label as a clinical table has it."""
    return "" if np.isnan(label) else target.positive if label else target.negative[0]


def write_csv(path: Path, lines: Sequence[Sequence[str]]) -> None:
    """Write a table."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    write_text(path, text.getvalue())
