"""The published results of the swarm paper, calculated again from their counts, and its sample annotations.

Warnat-Herresthal et al., Nature 2021; 594: 265-270. Rows and annotations: github.com/schultzelab/swarm_learning at
5fe785d, ``Figures/All.txt.combined - complete_Figures - v2.1.xlsx`` and ``Scenarios/annotations.RData``.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from wsi_swarm.cli.study_published import published
from wsi_swarm.study.published.partitions import partitions_in
from wsi_swarm.study.published.results import agreements, read_results, summarise, uneven, verdict

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

pytestmark = pytest.mark.real

ACCURACY = {
    "Fig_2b+ED_Fig_2a": {"node 1": 0.972, "node 2": 0.553, "node 3": 0.946, "swarm": 0.975},
    "Fig_2c+ED_Fig_2g": {"node 1": 0.976, "node 2": 0.624, "node 3": 0.911, "swarm": 0.985},
    "Fig_2d+ED_Fig_3b": {"node 1": 0.940, "node 2": 0.943, "node 3": 0.945, "swarm": 0.988},
    "Fig_2e+ED_Fig_4g": {"node 1": 0.960, "node 2": 0.975, "node 3": 0.839, "swarm": 0.987},
    "Fig_3a": {"node 1": 0.847, "node 2": 0.849, "node 3": 0.849, "swarm": 0.891},
    "Fig_3b": {"node 1": 0.827, "node 3": 0.805, "swarm": 0.893},
    "Fig_4b": {"node 1": 0.966, "node 2": 0.948, "node 3": 0.906, "swarm": 0.974},
    "Fig_4c": {"E3": 0.952, "swarm": 0.947},
    "ED_Fig_2b": {"central": 0.987},
    "ED_Fig_2h": {"central": 0.988},
    "ED_Fig_3c": {"central": 0.989},
    "ED_Fig_4i": {"central": 0.988},
    "ED_Fig_5i": {"swarm": 0.986},
    "ED_Fig_7b": {"central": 0.931, "swarm": 0.935},
}
"""Mean accuracy over the permutations, from an independent recalculation of the same spreadsheet."""
AUROC = {
    ("Fig_2b+ED_Fig_2a", "standard"): {"swarm": 0.999},
    ("Fig_4b", "standard"): {"swarm": 0.998},
    ("Fig_4c", "standard"): {
        "E1": 0.924,
        "E2": 0.899,
        "E3": 0.934,
        "E4": 0.935,
        "E5": 0.714,
        "E6": 0.637,
        "swarm": 0.976,
    },
    ("Fig_3d", "Atelectasis"): {"node 1": 0.702, "swarm": 0.755},
    ("Fig_3d", "Effusion"): {"node 2": 0.831, "swarm": 0.855},
    ("Fig_3d", "Infiltration"): {"node 2": 0.633, "swarm": 0.677},
    ("Fig_3d", "No Finding"): {"node 1": 0.754, "swarm": 0.810},
}
SAMPLES = {"A1": 2500, "A1.ALL": 2500, "A2": 8348, "A3": 1181, "B": 1999, "D": 2143, "E": 2400}


@pytest.fixture(scope="module")
def results(real_data: Path) -> pd.DataFrame:
    return read_results(real_data / "omics" / "schultze" / "figure_results.csv.gz")


@pytest.fixture(scope="module")
def summary(results: pd.DataFrame) -> Any:
    return summarise(results).set_index(["figure", "part", "node"]).sort_index()


def test_published_metrics_follow_from_the_counts(results: pd.DataFrame) -> None:
    assert len(results) == 14135
    assert uneven(results) == {"ED_Fig_5g, overall": 80}
    found = {one.metric: one for one in agreements(results)}
    for name in ("Precision", "Recall", "Sensitivity", "Specificity"):
        assert found[name].agree == 14135
    # Where no case is found the paper leaves the F-score empty; it is 0 here.
    assert (found["Fscore"].agree, found["Fscore"].only_here, found["Fscore"].differ) == (13440, 695, {})
    assert (results.loc[results["Fscore"].isna(), "TP"] == 0).all()
    assert found["Accuracy"].differ == {"ED_Fig_5g, overall": 77}


def test_the_overall_rows_hold_the_counts_of_one_class(results: pd.DataFrame) -> None:
    """Why 80 rows do not add up: P and N are right and wrong calls of all classes, the other counts those of CLL."""
    figure: Any = results[results["figure"] == "ED_Fig_5g"].set_index(["perm", "node"])
    overall, cll = (figure[figure["part"] == part].sort_index() for part in ("overall", "CLL"))
    counts = ["TP", "TN", "FP", "FN"]
    assert (overall[counts] == cll[counts]).all(axis=None)
    assert overall["Accuracy"].to_numpy() == pytest.approx((overall["P"] / (overall["P"] + overall["N"])).to_numpy())


def test_means_by_figure_and_node(summary: Any) -> None:
    for figure, nodes in ACCURACY.items():
        for node, value in nodes.items():
            assert summary.loc[(figure, "standard", node), "accuracy"] == pytest.approx(value, abs=6e-4), (figure, node)
    for key, nodes in AUROC.items():
        for node, value in nodes.items():
            assert summary.loc[(*key, node), "auroc"] == pytest.approx(value, abs=6e-4), (key, node)
    assert summary.loc[("ED_Fig_8m", "central_model_Fig_4b", "central"), "accuracy"] == pytest.approx(0.966, abs=6e-4)
    many = summary.loc[("ED_Fig_5i", "standard")].drop("swarm")["accuracy"]
    assert len(many) == 32
    assert (many.mean(), many.min(), many.max()) == pytest.approx((0.923, 0.876, 0.943), abs=6e-4)


def test_ties_and_losses_of_the_swarm_are_told(summary: Any) -> None:
    """By AUROC it is better on 'No Finding' X-rays, by accuracy at the fixed threshold worse than every node."""
    rows = summary.loc[("Fig_3d", "No Finding")].drop("swarm")
    assert {verdict(row, "auroc") for row in rows.to_dict("records")} == {"better"}
    assert {verdict(row, "accuracy") for row in rows.to_dict("records")} == {"worse"}
    assert verdict(summary.loc[("Fig_4c", "standard", "E3")], "accuracy") == "open"
    central = summary.loc[("ED_Fig_2b", "standard", "central")]
    assert (verdict(central, "accuracy"), verdict(central, "auroc")) == ("worse", "open")
    for figure in ("Fig_2b+ED_Fig_2a", "Fig_2c+ED_Fig_2g", "Fig_2d+ED_Fig_3b", "Fig_2e+ED_Fig_4g", "Fig_3a"):
        rows = summary.loc[(figure, "standard")].drop("swarm")
        assert (rows["accuracy_p_one_sided"] < 0.05).all(), figure


def test_annotations_hold_the_samples_that_the_paper_names(real_data: Path) -> None:
    sets = {one.name: one for one in partitions_in(real_data / "omics" / "schultze")}
    assert {name: one.samples for name, one in sets.items()} == SAMPLES
    assert sets["A2"].cases == {"Condition": 2588}
    assert set(sets["E"].studies.values()) == {300}
    for one in sets.values():
        assert sum(one.studies.values()) == one.samples


def test_the_command_takes_less_than_ten_seconds(real_data: Path) -> None:
    folder = real_data / "omics" / "schultze"
    app = typer.Typer()
    app.command()(published)
    began = time.monotonic()
    run = CliRunner().invoke(app, [str(folder / "figure_results.csv.gz"), "--annotations", str(folder), "--json"])
    assert run.exit_code == 0, run.output
    assert time.monotonic() - began < 10
    document = json.loads(run.output)
    assert (document["rows"], len(document["annotations"])) == (14135, 7)
