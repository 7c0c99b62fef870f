"""Tables with a planted signal: the first columns of a positive patient are shifted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from models.tabular.cohort import TableCohort
from models.tabular.scaling import scale
from models.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AML = Target("AML", "yes", ("no",))


@pytest.fixture(autouse=True)
def _one_torch_thread() -> None:
    torch.set_num_threads(1)


def planted(
    patients: int, seed: int, columns: int = 30, shift: float = 1.5, shifted: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Values (patients, columns) around 5 and labels (patients,), half of them 1 with the first columns shifted."""
    rng = np.random.default_rng(seed)
    labels = np.arange(patients) % 2
    values = rng.normal(5, 1, (patients, columns))
    values[:, :shifted] += shift * labels[:, None]
    return values, labels


def cohort(
    patients: int, seed: int, columns: int = 30, scaling: str = "zscore", shift: float = 1.5, shifted: int = 3
) -> TableCohort:
    values, labels = planted(patients, seed, columns, shift, shifted)
    names = tuple(f"P{seed}-{number:03}" for number in range(patients))
    genes = tuple(f"g{number:03}" for number in range(columns))
    return TableCohort(names, genes, scale(values, scaling), (AML,), labels[:, None].astype(np.float32), scaling)


@pytest.fixture
def make_cohort() -> Callable[..., TableCohort]:
    return cohort


@dataclass
class Centre:
    folder: Path
    table: Path
    clini: Path


@pytest.fixture
def write_centre(tmp_path: Path) -> Callable[..., Centre]:
    """Write a centre's table and clinical table."""

    def make(name: str, patients: int, seed: int, columns: int = 30) -> Centre:
        folder = tmp_path / name
        folder.mkdir()
        values, labels = planted(patients, seed, columns)
        rows = [",".join(["PATIENT", *(f"g{number:03}" for number in range(columns))])]
        rows += [f"{name}{n}," + ",".join(f"{value:.5f}" for value in row) for n, row in enumerate(values)]
        (folder / "table.csv").write_text("\n".join(rows) + "\n")
        known = [f"{name}{number},{'yes' if label else 'no'}" for number, label in enumerate(labels)]
        (folder / "clini.csv").write_text("\n".join(["PATIENT,AML", *known]) + "\n")
        return Centre(folder, folder / "table.csv", folder / "clini.csv")

    return make
