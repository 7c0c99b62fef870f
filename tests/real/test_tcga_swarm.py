"""The seed paper's example features: two TCGA sites as two swarm nodes for MSI and BRAF.

In these files the number of tiles per patient alone betrays the label (150 tiles for every positive, at most 43 for the
others), so every patient gets the same number of tiles. With 9 MSI-H patients there is no bar, only a report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.cohort import Centre, load_cohort
from models.feature_kind import count_tiles
from wsi_swarm.study.compare.folds import cross_validate
from wsi_swarm.study.compare.recipe import Recipe
from wsi_swarm.study.compare.table import as_text
from wsi_swarm.study.nodes.swarm import run_swarm
from wsi_swarm.study.sources import load_source
from wsi_swarm.study.types import SlideSource

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real, pytest.mark.slow]

TILES = 16
"""As many as the patient with the fewest has."""
TARGETS = ("MSI", "BRAF")
POSITIVE = {"MSI": "MSIH", "BRAF": "MUT"}


@pytest.fixture(scope="module")
def centres(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Centre]:
    root = tmp_path_factory.mktemp("tcga")
    made: dict[str, Centre] = {}
    for name, site in (("A6", "A"), ("D5", "B")):
        options = {"folder": "features/swarm_tcga_crc", "site": site, "tiles": TILES}
        source = load_source(name, "seed_paper", options, real_data, root / name, 2022)
        assert isinstance(source, SlideSource)
        made[name] = Centre(source.clini, source.slides, source.features)
    return made


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
