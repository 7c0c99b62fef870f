"""Real tables: the 14,135 published results of the swarm paper, and the clinical table of TCGA."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from models.evaluation.estimates import Absent, exact_proportion
from models.evaluation.evaluate import Request, evaluate
from models.evaluation.numbers import to_json
from models.evaluation.operating_points import Locked, try_threshold

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real


def test_published_metrics_follow_from_published_counts(real_data: Path) -> None:
    """Warnat-Herresthal et al. (Nature 2021): sensitivity, specificity, precision of rows whose counts add up."""
    table = pd.read_csv(real_data / "omics" / "schultze" / "figure_results.csv.gz")
    whole = table[(table.TP + table.FN == table.P) & (table.TN + table.FP == table.N)]
    assert (len(table), len(table) - len(whole)) == (14135, 80)
    lock = Locked(0.9, 0.5, exact_proportion(1, 1), "")
    labels_of = np.array([1, 1, 0, 0])
    calls_of = np.array([1.0, 0.0, 1.0, 0.0])
    for row in whole[::20].itertuples():
        counts = [row.TP, row.FN, row.FP, row.TN]
        found = try_threshold(np.repeat(labels_of, counts), np.repeat(calls_of, counts), lock)
        published = {"sensitivity": row.Sensitivity, "specificity": row.Specificity, "ppv": row.Precision}
        for name, value in published.items():
            share = getattr(found, name)
            if isinstance(share, Absent):
                assert not value > 0, (row.Index, name)
            else:
                assert share.value == pytest.approx(value, abs=1e-9), (row.Index, name)
                assert share.low <= value <= share.high


def test_the_clinical_table_of_tcga(real_data: Path, tmp_path: Path) -> None:
    clini = real_data / "clinical" / "TCGA-CRC-DX_CLINI.xlsx"
    table = pd.read_excel(clini, dtype=str)
    column = next(name for name in table.columns if name.upper() in {"ISMSIH", "MSISTATUS", "MSI"})
    positive = next(v for v in table[column].dropna().unique() if v.replace("-", "").upper() in {"MSIH"})
    rng = np.random.default_rng(0)
    scores = np.clip(0.2 + 0.4 * (table[column] == positive) + rng.normal(0, 0.2, len(table)), 0.01, 0.99)
    frame = pd.DataFrame({"PATIENT": table["PATIENT"], f"{column}_{positive}": scores}).drop_duplicates("PATIENT")
    frame.to_csv(tmp_path / "preds.csv", index=False)
    evaluation = evaluate(Request((tmp_path / "preds.csv",), clini, (column,), {}, resamples=200))
    (entry,) = to_json(evaluation)
    json.dumps(entry, allow_nan=False)
    flow = entry["flow"]
    assert flow["in_clini"] == table["PATIENT"].nunique()
    assert flow["analysed_pos"] == (table.drop_duplicates("PATIENT")[column] == positive).sum()
    assert flow["in_clini"] == flow["without_label"] + flow["analysed_pos"] + flow["analysed_neg"]
    assert 0.8 < entry["auroc"]["value"] < 1
