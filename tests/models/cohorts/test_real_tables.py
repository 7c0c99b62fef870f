"""Faults of real tables, written down from looking at the tables."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from models.cohorts.check import examine
from models.cohorts.finding import Severity
from models.cohorts.loading import CentreFiles
from pipelines.features import Features, describe, write_features

if TYPE_CHECKING:
    from pathlib import Path

    from models.cohorts.check import Examination
    from models.cohorts.finding import Finding

pytestmark = pytest.mark.real


def of_kind(examination: Examination, kind: str, stem: str = "") -> list[Finding]:
    return [f for f in examination.findings if f.kind == kind and stem in f.file.name]


def test_tcga(real_data: Path) -> None:
    """601 patients and 1971 slides that do not fit: whom each table lacks, and slides of four kinds in one table."""
    folder = real_data / "clinical"
    source = CentreFiles(folder / "TCGA-CRC-DX_CLINI.xlsx", folder / "TCGA-CRC-DX_SLIDE.csv")
    examination = examine([source], ["MSIStatus", "BRAF_driver"], centre_column="STUDY_ORIG")
    alone = of_kind(examination, "patient without slides", "CLINI")
    assert len(alone) == 14
    assert [(f.row, "TCGA-A6-6780" in f.what) for f in alone[:1]] == [(51, True)]
    unknown = of_kind(examination, "slides without patient", "SLIDE")
    assert len(unknown) == 29
    assert (unknown[0].row, "TCGA-5M-AAT5" in unknown[0].what) == (12, True)
    (mixed,) = of_kind(examination, "mixed preparations")
    assert "1346 frozen sections" in mixed.what
    assert "625 diagnostic" in mixed.what
    assert mixed.row == 2
    (normal,) = of_kind(examination, "normal tissue")
    assert "133 slides of normal tissue" in normal.what
    (unclear,) = of_kind(examination, "target unclear")
    assert (unclear.severity, unclear.column) == (Severity.ERROR, "MSIStatus")
    assert "'MSI-H', 'MSI-L', 'MSS'" in unclear.what
    missing = {f.column: f.what for f in of_kind(examination, "label missing")}
    assert "171 of 601 rows" in missing["MSIStatus"]
    assert "34 of 601 rows" in missing["BRAF_driver"]
    others = {f.kind for f in examination.findings}
    assert others == {
        "patient without slides", "slides without patient", "mixed preparations", "normal tissue", "target unclear",
        "label missing", "shortcut",
    }  # fmt: skip
    assert examination.centres[0].usable == 587


def test_cptac(real_data: Path) -> None:
    """The id column has another name, 65 mutation burdens have lost their decimal point, one person is over 89."""
    examination = examine([CentreFiles(real_data / "clinical" / "CPTAC-COAD_clini.csv")], ["MSI Status"])
    (lacking,) = of_kind(examination, "column lacking")
    assert (lacking.severity, lacking.row, lacking.column) == (Severity.ERROR, 1, "PATIENT")
    assert "Patient ID" in lacking.remedy
    (number,) = of_kind(examination, "decimal point")
    assert number.column == "TMB (nonsynonymous)"
    private = {f.column: f.what for f in of_kind(examination, "privacy")}
    assert set(private) == {"AGE", "Sample ID"}
    assert "in 1 row" in private["AGE"]


def test_hia(real_data: Path) -> None:
    """Two patients in one table and three in the other; one patient of each class; labels that nobody can order."""
    folder = real_data / "patches" / "hia_tcga"
    source = CentreFiles(folder / "data_CLINI.xlsx", folder / "data_SLIDE.csv")
    examination = examine([source], ["Diagnosis"], {"Diagnosis": "a"})
    (unknown,) = of_kind(examination, "slides without patient")
    assert (unknown.row, unknown.what.split()[1]) == (4, "Patient_2")
    small = of_kind(examination, "class small")
    assert len(small) == 2
    assert "only 1 patient with slides is a" in small[0].what
    assert len(examination.findings) == 3
    unclear = of_kind(examine([source], ["Diagnosis"]), "target unclear")
    assert "'a', 'b'" in unclear[0].what


@pytest.mark.parametrize(
    ("target", "site", "counts", "cap"), [("isMSIH", "A", (4, 24), 16), ("BRAF", "B", (4, 26), 18)]
)
def test_the_number_of_tiles_betrays_the_label_in_the_seed_papers_example(
    real_data: Path, tmp_path: Path, target: str, site: str, counts: tuple[int, int], cap: int
) -> None:
    """150 tiles for each positive patient, 16 to 43 for the others: AUROC 1.00 without looking at one of them."""
    data = real_data / "features" / "swarm_tcga_crc" / target / site
    tiles, vectors = pd.read_csv(data / "tiles.csv"), np.load(data / "features.npy")
    clini, slides = [["PATIENT", target]], [["PATIENT", "FILENAME"]]
    for patient, rows in tiles.groupby("patient"):
        coords = rows[["x", "y"]].to_numpy(np.int32)
        side = tuple(int(most) + 1024 for most in coords.max(axis=0))
        attrs = describe(slide_size=side, mpp=0.25, tile_px=512, encoder="resnet18-saldanha2022")
        path = tmp_path / "features" / f"{patient}.h5"
        write_features(path, Features(patient, vectors[rows.index].astype("f2"), coords, attrs))
        clini.append([patient, "MUT" if rows["label"].iloc[0] == 0 else "WT"])
        slides.append([patient, f"{patient}.h5"])
    for name, table in (("clini", clini), ("slides", slides)):
        with (tmp_path / f"{name}.csv").open("w", newline="") as handle:
            csv.writer(handle).writerows(table)
    source = CentreFiles(tmp_path / "clini.csv", tmp_path / "slides.csv", tmp_path / "features")
    examination = examine([source], [target])
    (shortcut,) = [f for f in of_kind(examination, "shortcut") if f.severity is Severity.WARNING]
    assert shortcut.what.startswith("the number of tiles per patient alone tells MUT from the rest (AUROC 1.00")
    assert f"{counts[0]} against {counts[1]} patients" in shortcut.what
    assert f"train --bag-tiles {cap}" in shortcut.remedy
    found = next(s for s in examination.shortcuts if "number of tiles" in s.measure.name)
    assert (found.auroc.value, found.direction, found.suspicious) == (1.0, "higher", True)
    assert found.auroc.low > 0.7
