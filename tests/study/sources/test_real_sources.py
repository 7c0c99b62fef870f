"""The real cohorts: Golub's leukaemia study, the tuberculosis collection, the seed paper's features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.cohort import load_cohort
from models.feature_kind import count_tiles
from pipelines.errors import ConfigError
from pipelines.features import read_features
from wsi_swarm.study.sources import left_out, load_source, refuse_shared_people
from wsi_swarm.study.types import SlideSource, TableSource

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real


def tuberculosis(data: Path, work: Path, cohort: str, name: str = "", **options: Any) -> TableSource:
    told = {"expression": f"omics/tb/{cohort}_expr.csv.gz", "meta": f"omics/tb/{cohort}_meta.csv", "target": "TBStatus"}
    source = load_source(name or cohort, "expression", {**told, **options}, data, work, 1)
    assert isinstance(source, TableSource)
    assert list(source.patients) == sorted(set(source.patients))
    assert np.isfinite(source.values).all()
    return source


def test_golub(real_data: Path, tmp_path: Path) -> None:
    source = load_source("golub", "golub", {"folder": "omics/golub"}, real_data, tmp_path, 1)
    assert isinstance(source, TableSource)
    assert source.values.shape == (38, 7129)
    assert source.patients[0] == "golub-01"
    assert list(source.patients) == sorted(set(source.patients))
    assert list(source.columns) == sorted(set(source.columns))
    assert (source.clinical["cancer"].count("ALL"), source.clinical["cancer"].count("AML")) == (27, 11)
    # The first row of the file: probe AFFX-BioB-5_at of sample 1.
    assert source.values[0, source.columns.index("AFFX-BioB-5_at")] == -214


@pytest.mark.parametrize(
    ("cohort", "order", "persons", "further"),
    [
        ("GSE19491", None, 428, 12),  # 12 controls of GSE19435 are in GSE19444, too
        ("GSE42834", "MeasurementTime", 261, 20),  # 15 by their names, and 5 of GSE42827 are in GSE42830, too
        ("GSE37250", None, 537, 0),
        ("GSE79362", "MeasurementTime", 144, 211),
        ("GSE94438", "TimeFromExposure", 334, 94),
    ],
)
def test_each_person_of_a_tuberculosis_cohort_counts_once(
    real_data: Path, tmp_path: Path, cohort: str, order: str | None, persons: int, further: int
) -> None:
    options = {"person": "PatientID", **({"order": order} if order else {})}
    source = tuberculosis(real_data, tmp_path, cohort, **options)
    assert len(source.patients) == persons
    assert left_out(tmp_path) == ((f"{further} further samples of persons who have one already",) if further else ())
    named = [person for person in source.clinical["PatientID"] if person]
    assert len(named) == len(set(named))


def test_the_three_studies_of_the_omics_test_are_three_cohorts(real_data: Path, tmp_path: Path) -> None:
    sizes = {"GSE19439": (42, 13), "GSE19442": (51, 20), "GSE19444": (54, 21)}
    sources = [
        tuberculosis(real_data, tmp_path / study, "GSE19491", study, where={"Study": [study]}) for study in sizes
    ]
    found = {one.name: (len(one.patients), one.clinical["TBStatus"].count("PTB")) for one in sources}
    assert found == sizes
    refuse_shared_people(sources)
    again = tuberculosis(real_data, tmp_path / "again", "GSE19491", "GSE19435", where={"Study": ["GSE19435"]})
    with pytest.raises(ConfigError, match="'GSE19444' and 'GSE19435' share 12 persons under two names"):
        refuse_shared_people([*sources, again])


def test_a_person_whose_samples_of_two_studies_differ_is_found_in_both(real_data: Path, tmp_path: Path) -> None:
    """Of GSE42827 the first sample of each person is kept, and it is another than the one that GSE42830 has again."""
    one, other = (
        tuberculosis(real_data, tmp_path / study, "GSE42834", study, person="PatientID", where={"Study": [study]})
        for study in ("GSE42827", "GSE42830")
    )
    with pytest.raises(ConfigError, match="'GSE42827' and 'GSE42830' share 5 persons under two names"):
        refuse_shared_people([one, other])


@pytest.mark.parametrize(
    ("site", "msi", "braf", "patients"), [("A", (4, 24), (6, 33), 39), ("B", (5, 24), (4, 26), 30)]
)
def test_the_seed_papers_sites_get_equal_tiles_for_all(
    real_data: Path, tmp_path: Path, site: str, msi: tuple[int, int], braf: tuple[int, int], patients: int
) -> None:
    options = {"folder": "features/swarm_tcga_crc", "site": site, "tiles": 16}
    source = load_source(site, "seed_paper", options, real_data, tmp_path / "a", 3)
    assert isinstance(source, SlideSource)
    cohort = load_cohort(source.clini, source.slides, source.features, ["MSI", "BRAF"], {"MSI": "MSIH", "BRAF": "MUT"})
    assert {count_tiles(path) for patient in cohort.patients for path in patient.slides} == {16}
    assert (cohort.counts("MSI")[:2], cohort.counts("BRAF")[:2], len(cohort.patients)) == (msi, braf, patients)
    before = {path: path.stat().st_mtime_ns for path in source.features.iterdir()}
    assert load_source(site, "seed_paper", options, real_data, tmp_path / "a", 3) == source
    assert {path: path.stat().st_mtime_ns for path in source.features.iterdir()} == before
    other = load_source(site, "seed_paper", options, real_data, tmp_path / "b", 3)
    assert isinstance(other, SlideSource)
    for path in before:
        assert path.read_bytes() == (other.features / path.name).read_bytes()
    first = read_features(sorted(before)[0])
    assert first.features.shape == (16, 512)
    assert len(np.unique(first.coords, axis=0)) == 16


def test_more_tiles_than_a_patient_has_are_refused(real_data: Path, tmp_path: Path) -> None:
    options = {"folder": "features/swarm_tcga_crc", "site": "A", "tiles": 400}
    with pytest.raises(ConfigError, match=r"tiles = 400, and patient TCGA-A6-\w+ has \d+; ask for no more"):
        load_source("A", "seed_paper", options, real_data, tmp_path, 3)
    assert not (tmp_path / "clini.csv").exists()
