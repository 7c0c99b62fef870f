from __future__ import annotations

import json
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.evaluation.auroc import METHOD, auroc_interval, newcombe_interval
from models.evaluation.evaluate import evaluate_predictions
from models.evaluation.output import as_table, write_evaluation
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("n_pos", "n_neg"), [(5, 10), (8, 20), (15, 25), (10, 90)])
@pytest.mark.parametrize("area", [0.5, 0.75, 0.9, 0.98])
def test_the_interval_covers_what_it_promises(n_pos: int, n_neg: int, area: float) -> None:
    """1,000 seeded binormal cohorts of each size: at least 93 % of the intervals hold the true area."""
    rng = np.random.default_rng(20060215)
    shift = NormalDist().inv_cdf(area) * 2**0.5
    positives = rng.normal(shift, 1, (1000, n_pos, 1))
    negatives = rng.normal(0, 1, (1000, 1, n_neg))
    found = (positives > negatives).mean(axis=(1, 2))
    ends = {value: newcombe_interval(float(value), n_pos, n_neg) for value in np.unique(found)}
    covered = np.mean([ends[value][0] <= area <= ends[value][1] for value in found])
    assert 0.93 <= covered <= 0.995


@given(area=st.floats(0, 1), n_pos=st.integers(1, 300), n_neg=st.integers(1, 300))
def test_the_interval_solves_its_equation(area: float, n_pos: int, n_neg: int) -> None:
    low, high = newcombe_interval(area, n_pos, n_neg)
    assert 0 <= low <= area <= high <= 1
    assert high - low > 0
    z, size = NormalDist().inv_cdf(0.975), (n_pos + n_neg) / 2 - 1
    for end in (low, high):
        if 1e-6 < end < 1 - 1e-6:
            variance = end * (1 - end) * (1 + size * (1 - end) / (2 - end) + size * end / (1 + end)) / (n_pos * n_neg)
            assert abs(end - area) == pytest.approx(z * variance**0.5, abs=1e-7)
    mirrored = newcombe_interval(1 - area, n_pos, n_neg)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-7)


def test_a_perfect_auroc_of_few_patients_keeps_a_wide_interval() -> None:
    perfect = auroc_interval([0, 0, 0, 1, 1], [0.1, 0.2, 0.3, 0.8, 0.9])
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low < 0.5
    assert (perfect.n_pos, perfect.n_neg, perfect.method) == (2, 3, METHOD)
    assert auroc_interval([0, 1], [0.5, 0.5]).value == 0.5
    worst = auroc_interval([0, 0, 0, 1, 1], [0.9, 0.8, 0.7, 0.1, 0.2])
    assert (worst.value, worst.low) == (0.0, 0.0)
    assert worst.high > 0.5


def test_an_undefined_auroc_is_a_sentence() -> None:
    with pytest.raises(InputError, match="there are 2 positive and 0 negative"):
        auroc_interval([1, 1], [0.1, 0.2])
    with pytest.raises(InputError, match="there are 0 positive and 0 negative"):
        auroc_interval([], [])
    with pytest.raises(InputError, match="1 of 2 scores are not finite"):
        auroc_interval([0, 1], [0.1, float("nan")])
    with pytest.raises(InputError, match="one score per label"):
        auroc_interval([0, 1, 1], [0.1, 0.2])


PREDICTIONS = "PATIENT,n_slides,n_tiles,MSI_MSIH,BRAF_MUT\na,1,9,0.9,0.2\nb,1,9,0.2,0.7\nc,1,9,0.4,0.6\nd,1,9,0.6,0.1\n"
CLINI = "PATIENT,MSI,BRAF\na,MSI-H,WT\nb,MSS,WT\nc,MSS,WT\nd,,WT\ne,MSI-H,WT\n"


def write(folder: Path, clini: str = CLINI, predictions: str = PREDICTIONS) -> tuple[Path, Path]:
    (folder / "clini.csv").write_text(clini)
    (folder / "preds.csv").write_text(predictions)
    return folder / "preds.csv", folder / "clini.csv"


def test_predictions_meet_labels_by_patient(tmp_path: Path) -> None:
    preds, clini = write(tmp_path)
    msi, braf = evaluate_predictions([preds], clini, ["MSI", "BRAF"])
    assert msi.auroc is not None
    assert (msi.auroc.value, msi.auroc.n_pos, msi.auroc.n_neg) == (1.0, 1, 2)
    assert (msi.unlabelled, msi.unpredicted) == (1, 1)
    assert braf.auroc is None
    assert "none of the 4 predicted and labelled patients is positive (MUT)" in braf.reason
    assert "labels in column BRAF" in braf.reason
    assert "'WT'" in braf.reason


def test_every_table_gets_a_row_and_every_target_a_plot(tmp_path: Path) -> None:
    preds, clini = write(tmp_path)
    other = tmp_path / "other.csv"
    other.write_text(PREDICTIONS.replace("0.9", "0.1"))
    evaluations = evaluate_predictions([preds, other], clini, ["MSI", "BRAF"])
    text = as_table(evaluations)
    lines = text.splitlines()
    assert lines[1].split()[:4] == ["preds", "MSI", "MSIH", "1.000"]
    assert lines[3].split()[:4] == ["other", "MSI", "MSIH", "0.000"]
    assert lines[5] == "interval: Newcombe 2006, method 5"
    assert "nan" not in text.lower()
    write_evaluation(tmp_path / "out", evaluations)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["metrics.json", "roc_MSI.png"]
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert [entry["auroc"] and entry["auroc"]["value"] for entry in metrics] == [1.0, None, 0.0, None]
    with Image.open(tmp_path / "out" / "roc_MSI.png") as image:
        assert len(image.convert("RGB").getcolors(1 << 20)) > 20


def test_a_label_spelled_otherwise_is_named_by_option(tmp_path: Path) -> None:
    preds, clini = write(tmp_path, CLINI.replace("MSI-H", "dMMR").replace("MSS", "pMMR"))
    (silent,) = evaluate_predictions([preds], clini, ["MSI"])
    assert silent.auroc is None
    assert "--positive MSI=LABEL" in silent.reason
    (spoken,) = evaluate_predictions([preds], clini, ["MSI"], {"MSI": "dMMR"})
    assert spoken.auroc is not None
    assert spoken.auroc.value == 1.0


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
        evaluate_predictions([preds], table, ["MSI"])
