"""Reading prediction tables beside a clinical table, and the flow of patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.evaluation.exclusions import auroc_bounds
from models.evaluation.predictions import read_scored
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

PREDICTIONS = "PATIENT,n_slides,n_tiles,MSI_MSIH,BRAF_MUT\na,1,9,0.9,0.2\nb,1,9,0.2,0.7\nc,1,9,0.4,0.6\nd,1,9,0.6,0.1\n"
CLINI = "PATIENT,MSI,BRAF\na,MSI-H,WT\nb,MSS,WT\nc,MSS,WT\nd,,WT\ne,MSI-H,WT\n"


def write(folder: Path, clini: str = CLINI, predictions: str = PREDICTIONS) -> tuple[Path, Path]:
    (folder / "clini.csv").write_text(clini)
    (folder / "preds.csv").write_text(predictions)
    return folder / "preds.csv", folder / "clini.csv"


def test_predictions_meet_labels_by_patient(tmp_path: Path) -> None:
    preds, clini = write(tmp_path)
    msi, braf = read_scored([preds], clini, ["MSI", "BRAF"])
    assert msi.patients == ("a", "b", "c")
    assert list(msi.labels) == [1, 0, 0]
    assert list(msi.scores) == [0.9, 0.2, 0.4]
    assert msi.target.negative == ("MSS",)
    assert msi.why_one_class == ""
    assert "none of the 4 predicted and labelled patients is positive (MUT)" in braf.why_one_class
    assert "labels in column BRAF" in braf.why_one_class
    assert "'WT'" in braf.why_one_class


def test_the_flow_loses_nobody(tmp_path: Path) -> None:
    preds, clini = write(tmp_path, CLINI + "f,MSS,WT\ng,n/a,WT\n", PREDICTIONS + "x,1,9,0.5,0.5\n")
    (msi,) = read_scored([preds], clini, ["MSI"])
    flow = msi.flow
    assert (flow.in_clini, flow.without_label, flow.labelled) == (7, 2, 5)
    assert (flow.unpredicted_pos, flow.unpredicted_neg, flow.analysed_pos, flow.analysed_neg) == (1, 1, 1, 2)
    assert flow.labelled == flow.analysed + flow.unpredicted
    assert flow.predicted == flow.analysed + flow.predicted_without_label + flow.predicted_unknown == 5
    assert flow.labels == (
        ("MSS", "negative", 3), ("MSI-H", "positive", 2), ("(empty)", "no label", 1), ("n/a", "no label", 1)
    )  # fmt: skip
    worst, best = auroc_bounds(msi.labels, msi.scores, flow)
    assert (worst, best) == (pytest.approx(2 / 6), 1.0)


def test_bounds_without_missing_patients_are_the_auroc(tmp_path: Path) -> None:
    preds, clini = write(tmp_path, CLINI.replace("e,MSI-H,WT\n", ""))
    (msi,) = read_scored([preds], clini, ["MSI"])
    assert auroc_bounds(msi.labels, np.array([0.3, 0.2, 0.4]), msi.flow) == (0.5, 0.5)


def test_groups_are_read_and_too_many_refused(tmp_path: Path) -> None:
    clini = CLINI.replace("BRAF\n", "BRAF,SITE\n").replace("WT\n", "WT,K\n").replace("d,,WT,K", "d,,WT,")
    preds, table = write(tmp_path, clini.replace("b,MSS,WT,K", "b,MSS,WT,unknown"))
    (msi,) = read_scored([preds], table, ["MSI"], columns=["SITE"])
    assert msi.groups == {"SITE": ("K", "", "K")}
    many = "PATIENT,MSI,AGE\n" + "".join(f"p{i},MSS,{i}.5\n" for i in range(41))
    preds, table = write(tmp_path, many)
    with pytest.raises(ConfigError, match=r"column AGE: 41 different values are no groups .* AGE_GROUP"):
        read_scored([preds], table, ["MSI"], columns=["AGE"])


def test_a_label_spelled_otherwise_is_named_by_option(tmp_path: Path) -> None:
    preds, clini = write(tmp_path, CLINI.replace("MSI-H", "dMMR").replace("MSS", "pMMR"))
    (silent,) = read_scored([preds], clini, ["MSI"])
    assert "--positive MSI=LABEL" in silent.why_one_class
    (spoken,) = read_scored([preds], clini, ["MSI"], {"MSI": "dMMR"})
    assert spoken.why_one_class == ""
    assert list(spoken.labels) == [1, 0, 0]


@pytest.mark.parametrize(
    ("clini", "predictions", "message"),
    [
        (CLINI, PREDICTIONS + "a,1,9,0.9,0.2\n", r"preds\.csv row 6, column PATIENT: patient a stands there twice"),
        (CLINI, PREDICTIONS.replace("0.4", "x"), r"preds\.csv row 4, column MSI_MSIH: 'x' is no probability"),
        (CLINI, PREDICTIONS.replace("0.4", "nan"), r"preds\.csv row 4, column MSI_MSIH: 'nan' is no probability"),
        (CLINI, PREDICTIONS.replace("MSI_MSIH", "p"), r"preds\.csv row 1: no column begins with MSI_"),
        (
            CLINI + "a,MSS,WT\n",
            PREDICTIONS,
            r"clini\.csv row 7, column MSI: patient a is 'MSS' here and 'MSI-H' in row 2",
        ),
        (CLINI.replace("MSI,", "MSS,"), PREDICTIONS, r"clini\.csv row 1: the table has no column MSI"),
    ],
)
def test_faults_are_named_with_their_place(tmp_path: Path, clini: str, predictions: str, message: str) -> None:
    preds, table = write(tmp_path, clini, predictions)
    with pytest.raises(ConfigError, match=message):
        read_scored([preds], table, ["MSI"])
