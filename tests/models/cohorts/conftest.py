"""A clean cohort that a test spoils: two tables and a folder of feature files, written in milliseconds."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from models.cohorts.loading import CentreFiles
from pipelines.features import Features, describe, write_features

if TYPE_CHECKING:
    from pathlib import Path

PATIENTS = 24
TILES = 4


@dataclass
class Draft:
    """Cells of both tables, the header first, and what each feature file is to be."""

    clini: list[list[str]]
    slides: list[list[str]]
    whole: Path
    files: dict[str, dict] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [row[1] for row in self.slides[1:]]

    def write(self, folder: Path, xlsx: bool = False) -> CentreFiles:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "features").mkdir()
        paths = []
        for name, rows in (("clini", self.clini), ("slides", self.slides)):
            paths.append(folder / f"{name}.{'xlsx' if xlsx else 'csv'}")
            if xlsx:
                import pandas as pd

                pd.DataFrame(rows).to_excel(paths[-1], header=False, index=False)
            else:
                with paths[-1].open("w", newline="", encoding="utf-8") as handle:
                    csv.writer(handle).writerows(rows)
        for name, changes in self.files.items():
            write_file(folder / "features" / f"{name}.h5", self.whole, **changes)
        return CentreFiles(paths[0], paths[1], folder / "features")


def write_file(path: Path, whole: Path, *, cut: bool = False, tiles: int = TILES, fill: float = 0.0, **attrs) -> None:
    """Link the whole file, or write another one."""
    if not cut and tiles == TILES and fill == 0.0 and not attrs:
        os.link(whole, path)
        return
    bad, fill = fill, np.nan_to_num(fill)
    described = {"slide_size": (1000, 1000), "mpp": 0.25, "encoder": "toy", **attrs}
    coords = np.arange(2 * tiles, dtype=np.int32).reshape(-1, 2)
    write_features(path, Features(path.stem, np.full((tiles, 8), fill, np.float16), coords, describe(**described)))
    if bad != fill:
        with h5py.File(path, "a") as file:
            file["features"][1, 2] = bad
    if cut:
        path.write_bytes(path.read_bytes()[:700])


def clean(whole: Path, labels: tuple[str, str] = ("MSIH", "nonMSIH"), prefix: str = "P", slides: int = 1) -> Draft:
    clini, table, files = [["PATIENT", "MSI", "BRAF"]], [["PATIENT", "FILENAME"]], {}
    for index in range(PATIENTS):
        patient = f"{prefix}-{index:02}"
        clini.append([patient, labels[index % 2], ("MUT", "WT")[index // 2 % 2]])
        for letter in "abcd"[:slides]:
            table.append([patient, f"{patient}-{letter}.svs"])
            files[f"{patient}-{letter}"] = {}
    return Draft(clini, table, whole, files)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "any.h5"
    write_file(path, path, cut=False, tiles=TILES, encoder="toy")
    return path


@pytest.fixture(scope="session")
def draft(whole: Path):
    """Make a clean draft; keyword arguments as of ``clean``."""
    return lambda **how: clean(whole, **how)
