"""Recalculating published results: what agrees is counted, tests pair permutations, faults of the table are said."""

from __future__ import annotations

import json
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import typer
from scipy.stats import wilcoxon
from statsmodels.stats.multitest import multipletests
from typer.testing import CliRunner

from models.evaluation.counts import rates
from pipelines.errors import ConfigError, InputError
from wsi_swarm.cli.study_published import published
from wsi_swarm.study.published.partitions import as_lines, partitions_in
from wsi_swarm.study.published.results import agreements, read_results, summarise, uneven, verdict

if TYPE_CHECKING:
    from pathlib import Path

SHIFT = {"swarm": 9, "node_1": 2, "node_2_": 9, "E3": 17}


def results(path: Path, repeats: int = 12, **changes: Any) -> pd.DataFrame:
    """Write a table of one figure in which each model finds some of 40 cases among 100 patients."""
    rng, rows = np.random.default_rng(1), []
    for perm in range(repeats):
        for node, shift in SHIFT.items():
            tp = 15 + shift + int(rng.integers(0, 8))
            rows.append((f"p_{perm}", node, "Fig_1", "standard", 40, 60, tp, 55, 5, 40 - tp, rng.random()))
    table = pd.DataFrame(
        rows, columns=["perm", "node", "figure", "other_spec", "P", "N", "TP", "TN", "FP", "FN", "AUC"]
    )
    ours = rates(table["TP"], table["TN"], table["FP"], table["FN"])
    names = {"Precision": "precision", "Recall": "sensitivity", "Sensitivity": "sensitivity"}
    names |= {"Specificity": "specificity", "Fscore": "f1", "Accuracy": "accuracy"}
    table = table.assign(**{name: ours[metric] for name, metric in names.items()}, **changes)
    table.to_csv(path, index=False)
    return table


def test_what_agrees_and_what_does_not_is_counted(tmp_path: Path) -> None:
    table = results(tmp_path / "a.csv")
    table.loc[3, "Accuracy"] += 0.01
    table.loc[5, "Fscore"] = np.nan
    table.loc[7, "P"] = 41
    table.to_csv(tmp_path / "a.csv.gz", index=False)
    read = read_results(tmp_path / "a.csv.gz")
    assert set(read["node"]) == {"swarm", "node 1", "node 2", "E3"}
    found = {one.metric: one for one in agreements(read)}
    assert (found["Recall"].agree, found["Recall"].differ) == (48, {})
    assert (found["Fscore"].agree, found["Fscore"].only_here, found["Fscore"].only_there) == (47, 1, 0)
    assert (found["Accuracy"].agree, found["Accuracy"].differ) == (47, {"Fig_1, standard": 1})
    assert uneven(read) == {"Fig_1, standard": 1}


def test_the_tests_pair_permutations_and_correct_for_the_number_of_nodes(tmp_path: Path) -> None:
    table = results(tmp_path / "a.csv")
    shuffled = table.sample(frac=1, random_state=3)
    # One permutation lacks a node, which takes it out of that pair only; AUCs are without ties, hence exact.
    shuffled = shuffled[~((shuffled["perm"] == "p_3") & (shuffled["node"] == "E3"))]
    shuffled.to_csv(tmp_path / "b.csv", index=False)
    found = summarise(read_results(tmp_path / "b.csv")).set_index("node")
    wide = table.pivot(index="perm", columns="node", values="AUC")
    expected = []
    for node, name in (("node 1", "node_1"), ("node 2", "node_2_"), ("E3", "E3")):
        gaps = (wide["swarm"] - wide[name]).drop("p_3" if node == "E3" else [])
        row: Any = found.loc[node]
        assert row["auroc_pairs"] == len(gaps) == (11 if node == "E3" else 12)
        assert row["auroc_difference"] == pytest.approx(gaps.mean())
        two: Any = wilcoxon(gaps)
        one: Any = wilcoxon(gaps, alternative="greater")
        assert row["auroc_p_two_sided"] == pytest.approx(two.pvalue)
        assert row["auroc_p_one_sided"] == pytest.approx(one.pvalue)
        expected.append(two.pvalue)
    corrected: Any = multipletests(expected, method="holm")[1]
    assert found.loc[["node 1", "node 2", "E3"], "auroc_holm_two_sided"].tolist() == pytest.approx(corrected.tolist())
    assert np.isnan(found.loc["swarm", "accuracy_difference"])


def test_ties_are_approximated_as_r_does(tmp_path: Path) -> None:
    """Differences of 1, 2, 2, 3, 0 and -1 patients, worked out by hand."""
    table = results(tmp_path / "a.csv", repeats=6)
    gaps = dict(zip(sorted(table["perm"].unique()), (1, 2, 2, 3, 0, -1), strict=True))
    pairs = zip(table["perm"], table["node"], strict=True)
    table["TP"] = [20 + (gaps[perm] if node == "swarm" else 0) for perm, node in pairs]
    table["FN"] = 40 - table["TP"]
    table.to_csv(tmp_path / "a.csv", index=False)
    row: Any = summarise(read_results(tmp_path / "a.csv")).set_index("node").loc["node 1"]
    # Without the zero 1 1 2 2 3 have ranks 1.5 1.5 3.5 3.5 5: V = 13.5, its mean 7.5, its variance 55/4 - 12/48 = 13.5.
    assert row["accuracy_p_one_sided"] == pytest.approx(NormalDist().cdf(-(13.5 - 7.5 - 0.5) / 13.5**0.5))
    assert row["accuracy_pairs"] == 6


def test_equal_models_and_absent_values_have_no_p(tmp_path: Path) -> None:
    table = results(tmp_path / "a.csv", TP=25, FN=15, AUC=np.nan)
    table.to_csv(tmp_path / "a.csv", index=False)
    rows = summarise(read_results(tmp_path / "a.csv")).to_dict("records")
    others = [row for row in rows if row["node"] != "swarm"]
    assert all(np.isnan(row["accuracy_p_two_sided"]) and row["accuracy_difference"] == 0 for row in others)
    assert {verdict(row, "accuracy") for row in others} == {"open"}
    assert {verdict(row, "auroc") for row in others} == {"not published"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"TP": -1}, "row 2: one of .* is no count"),
        ({"FN": 0.5}, "row 2: one of .* is no count"),
        ({"perm": "p_1"}, "row 6: this model stands twice"),
    ],
)
def test_faults_are_named_by_row(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    results(tmp_path / "a.csv", **change)
    with pytest.raises(ConfigError, match=says):
        read_results(tmp_path / "a.csv")


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.csv.gz").write_bytes(b"no gzip")
    for name in ("bad.csv.gz", "absent.csv"):
        with pytest.raises(InputError, match="cannot be read"):
            read_results(tmp_path / name)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="no column perm"):
        read_results(tmp_path / "other.csv")


def test_annotations_are_counted(tmp_path: Path) -> None:
    text = (
        "StudyID,setting_1_labels,setting_2_labels\n" + "S1,CASE,CASE\n" * 3 + "S2,CONTROL,CASE\nS2,CONTROL,CONTROL\n"
    )
    pd.read_csv(__import__("io").StringIO(text)).to_csv(tmp_path / "schultze_annotation.B.csv.gz", index=False)
    (one,) = partitions_in(tmp_path)
    assert (one.name, one.samples, one.studies) == ("B", 5, {"S1": 3, "S2": 2})
    assert one.cases == {"setting_1_labels": 3, "setting_2_labels": 4}
    assert as_lines([one])[1] == "B: 5 samples; setting_2_labels: 4 cases, 1 controls; 2 studies of 2 to 3 samples"
    with pytest.raises(InputError, match="holds no file"):
        partitions_in(tmp_path / "absent")
    pd.DataFrame({"GSE": ["x"], "Condition": ["ill"]}).to_csv(tmp_path / "schultze_annotation.C.csv.gz", index=False)
    with pytest.raises(ConfigError, match="no column of CASE and CONTROL"):
        partitions_in(tmp_path)


def test_the_command_prints_text_and_json_and_writes_a_table(tmp_path: Path) -> None:
    results(tmp_path / "a.csv")
    app = typer.Typer()
    app.command()(published)
    run = CliRunner().invoke(app, [str(tmp_path / "a.csv"), "--out", str(tmp_path / "out.csv")])
    assert run.exit_code == 0, run.output
    assert "Accuracy: 48 rows agree" in run.output
    assert "swarm against every single node, accuracy: 1 better, 1 open, 1 worse of 3 comparisons" in run.output
    assert len(pd.read_csv(tmp_path / "out.csv")) == 4
    run = CliRunner().invoke(app, [str(tmp_path / "a.csv"), "--json"])
    document = json.loads(run.output)
    assert document["rows"] == 48
    assert document["models"][0]["accuracy_p_two_sided"] is None
