"""The seed paper's example features: two TCGA sites as two swarm nodes for MSI and BRAF.

In these files the number of tiles per patient alone betrays the label (150 tiles for every positive, at most 43 for the
others), so every patient gets the same number of tiles. With 9 MSI-H patients there is no bar, only a report.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from models.cohort import Centre, load_cohort
from models.feature_kind import count_tiles
from pipelines.features import Features, describe, write_features
from wsi_swarm.study.folds import cross_validate
from wsi_swarm.study.recipe import Recipe
from wsi_swarm.study.swarm_processes import run_swarm
from wsi_swarm.study.table import as_text

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real, pytest.mark.slow]

TILES = 16
"""As many as the patient with the fewest has."""
TARGETS = {"MSI": ("isMSIH", {0: "MSIH", 1: "nonMSIH"}), "BRAF": ("BRAF", {0: "MUT", 1: "WT"})}
POSITIVE = {"MSI": "MSIH", "BRAF": "MUT"}


def write_centre(data: Path, site: str, out: Path) -> Centre:
    """Write one site as a centre's tables and feature files, with TILES tiles for every patient."""
    tiles, vectors, labels = [], [], {}
    for target, (folder, spellings) in TARGETS.items():
        table = pd.read_csv(data / folder / site / "tiles.csv")
        tiles.append(table)
        vectors.append(np.load(data / folder / site / "features.npy"))
        labels[target] = table.groupby("patient")["label"].first().map(spellings)
    everything, features = pd.concat(tiles, ignore_index=True), np.concatenate(vectors)
    once = everything.drop_duplicates(["slide", "x", "y"])
    rng = np.random.default_rng(2022)
    patients = sorted(once["patient"].unique())
    for patient in patients:
        rows = np.sort(rng.choice(once.index[once["patient"] == patient], TILES, replace=False))
        coords = everything.loc[rows, ["x", "y"]].to_numpy(np.int32)
        side = tuple(int(most) + 1024 for most in coords.max(axis=0))
        attrs = describe(slide_size=side, mpp=0.25, tile_px=512, encoder="resnet18-saldanha2022")
        write_features(
            out / "features" / f"{patient}.h5", Features(patient, features[rows].astype("f2"), coords, attrs)
        )
    with (out / "clini.csv").open("w", newline="") as clini, (out / "slides.csv").open("w", newline="") as slides:
        csv.writer(clini).writerow(["PATIENT", *TARGETS])
        csv.writer(clini).writerows([p, *(labels[target].get(p, "") for target in TARGETS)] for p in patients)
        csv.writer(slides).writerows([["PATIENT", "FILENAME"], *([p, f"{p}.h5"] for p in patients)])
    return Centre(out / "clini.csv", out / "slides.csv", out / "features")


@pytest.fixture(scope="module")
def centres(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Centre]:
    root = tmp_path_factory.mktemp("tcga")
    data = real_data / "features" / "swarm_tcga_crc"
    return {name: write_centre(data, site, root / name) for name, site in (("A6", "A"), ("D5", "B"))}


def test_local_merged_swarm_by_patient_grouped_cross_validation(centres: dict[str, Centre], capsys) -> None:
    cohorts = {n: load_cohort(c.clini, c.slides, c.features, list(TARGETS), POSITIVE) for n, c in centres.items()}
    assert {count_tiles(path) for c in cohorts.values() for p in c.patients for path in p.slides} == {TILES}
    assert [cohorts["A6"].counts("MSI")[:2], cohorts["D5"].counts("MSI")[:2]] == [(4, 24), (5, 24)]
    rows = cross_validate(cohorts, Recipe(), folds=4)
    with capsys.disabled():
        print(f"\nTCGA-CRC sites A6 and D5, {TILES} tiles per patient, 4 folds of whole patients\n{as_text(rows)}")
    assert [row.name for row in rows] == ["local A6", "local D5", "merged", "swarm basic", "swarm weighted"]
    for row in rows:
        for target, (positives, negatives) in {"MSI": (9, 48), "BRAF": (10, 59)}.items():
            auroc = row.aurocs[target]
            assert (auroc.n_pos, auroc.n_neg) == (positives, negatives)
            assert 0 <= auroc.low < auroc.value < auroc.high <= 1


def test_two_sites_train_as_two_real_nodes(centres: dict[str, Centre], tmp_path: Path) -> None:
    """`run_swarm` raises if models differ between the nodes or from the chain's root, or an audit fails."""
    outcome = run_swarm(tmp_path / "swarm", centres, Recipe(rounds=3), True, list(TARGETS), POSITIVE)
    assert outcome.rounds == 3
    assert outcome.voids == 0
    patients = {name: sum(1 for _ in centre.clini.open()) - 1 for name, centre in centres.items()}
    assert outcome.centres == patients
