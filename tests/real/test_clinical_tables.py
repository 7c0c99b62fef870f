"""Real clinical tables: TCGA and CPTAC colorectal cohorts, and a pair of tables that do not fit each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.cohort import load_cohort
from models.tables import read_table
from models.targets import resolve_target
from pipelines.errors import ConfigError
from pipelines.features import Features, describe, write_features

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real


def test_tcga_labels_as_they_are(real_data: Path) -> None:
    table = read_table(real_data / "clinical" / "TCGA-CRC-DX_CLINI.xlsx")
    braf = resolve_target("BRAF_driver", table.column("BRAF_driver"), None, str(table.path))
    assert (braf.positive, braf.negative) == ("DRIVER", ("NODRIVER",))
    labels = [braf.label(text) for text in table.column("BRAF_driver")]
    assert (labels.count(1), labels.count(0), labels.count(None)) == (49, 518, 34)
    with pytest.raises(ConfigError, match="'MSI-H', 'MSI-L', 'MSS'"):
        resolve_target("MSIStatus", table.column("MSIStatus"), None, str(table.path))
    msi = resolve_target("MSIStatus", table.column("MSIStatus"), "MSI-H", str(table.path))
    assert msi.negative == ("MSI-L", "MSS")
    cptac = read_table(real_data / "clinical" / "CPTAC-COAD_clini.csv")
    target = resolve_target("MSI Status", cptac.column("MSI Status"), None, str(cptac.path))
    assert [target.label(text) for text in cptac.column("MSI Status")].count(1) == 24


def test_tables_that_do_not_fit_name_whom_they_lose(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "patches" / "hia_tcga"
    attrs = describe(slide_size=(512, 512), mpp=0.5, encoder="toy")
    for number in (1, 2, 3, 4):
        name = f"Slide_{number}"
        features = Features(name, np.ones((2, 4), np.float16), np.zeros((2, 2), np.int32), attrs)
        write_features(tmp_path / f"{name}.h5", features)
    cohort = load_cohort(
        folder / "data_CLINI.xlsx", folder / "data_SLIDE.csv", tmp_path, ["Diagnosis"], {"Diagnosis": "a"}
    )
    assert [(patient.id, len(patient.slides)) for patient in cohort.patients] == [("Patient_1", 2), ("Patient_3", 1)]
    assert cohort.dropped == ("patient Patient_2: is in the slide table and not in the clinical table",)
