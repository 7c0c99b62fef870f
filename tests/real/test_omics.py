"""Leukaemia (Golub 1999) and tuberculosis cohorts as three nodes: local, merged and swarm, in one process.

The tuberculosis nodes are three studies of GSE19491 as they were; the model is judged on another group's studies
(GSE42834), which nobody trained on. Ranks within a patient need no statistics of a centre, so patients compare across
both. The swarm runs through the encoding and the merge of real nodes. The numbers are printed; what is held is that
the swarm reaches the merged cohort's AUROC within .05.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.model_selection import StratifiedKFold

from models.evaluation.auroc import auroc_interval
from models.tabular.cohort import TableCohort
from models.tabular.lasso import coefficients
from models.tabular.learners import make_table_learner, table_hyperparameters, table_model
from models.tabular.scaling import scale
from models.targets import Target
from models.train import train_model
from wsi_swarm.swarm.merge import whole
from wsi_swarm.swarm.merge.whole import Contribution, MergePlan
from wsi_swarm.swarm.state.encoding import decode, difference, encode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.learner import State
    from models.tabular.learners import TableHyperparameters, TableLearner
    from models.tabular.model import TableModel

pytestmark = pytest.mark.real

SEEDS = (0, 1, 2)
KINDS = {
    "mlp": (table_hyperparameters("mlp", {"scaling": "rank"}), 10, 20),
    "lasso": (table_hyperparameters("lasso", {"scaling": "rank"}), 10, 40),
}
"""Hyperparameters, rounds and steps; the settings are the defaults but for the scaling."""

Arms = dict[str, "TableModel"]


def cohort(name: str, values: np.ndarray, labels: np.ndarray, columns: Sequence[str], target: Target) -> TableCohort:
    patients = tuple(f"{name}-{number:04}" for number in range(len(labels)))
    return TableCohort(
        patients, tuple(columns), scale(values, "rank"), (target,), labels[:, None].astype(np.float32), "rank"
    )


def merged(cohorts: Sequence[TableCohort]) -> TableCohort:
    return replace(
        cohorts[0],
        patients=tuple(patient for one in cohorts for patient in one.patients),
        values=np.concatenate([one.values for one in cohorts]),
        labels=np.concatenate([one.labels for one in cohorts]),
    )


def swarm(learners: Sequence[TableLearner], rounds: int, steps: int, seed: int) -> State:
    plan = MergePlan(weighted=True)
    state = whole.start(encode(learners[0].initial_state(seed), 24), plan)
    for index in range(rounds):
        base = whole.model_of(state)
        updates = []
        for number, one in enumerate(learners):
            trained = one.train(decode(base), index, rounds, steps, seed).state
            updates.append(Contribution(str(number), one.n_patients, difference(encode(trained, 24), base)))
        state = whole.merge(state, updates, plan)
    return decode(whole.model_of(state))


def arms(cohorts: Sequence[TableCohort], kind: str, seed: int) -> Arms:
    hyperparameters, rounds, steps = KINDS[kind]

    def alone(one: TableCohort, settings: TableHyperparameters = hyperparameters) -> TableModel:
        learner = make_table_learner(one, settings)
        return table_model(learner, train_model(learner, rounds, steps, seed), {})

    found = {f"local {number}": alone(one) for number, one in enumerate(cohorts)}
    found["merged"] = alone(merged(cohorts))
    learners = [make_table_learner(one, hyperparameters) for one in cohorts]
    found["swarm"] = table_model(learners[0], swarm(learners, rounds, steps, seed), {})
    return found


def report(title: str, aurocs: dict[str, list[float]], capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    means = {name: float(np.mean(values)) for name, values in aurocs.items()}
    with capsys.disabled():
        print(f"\n{title}: AUROC by seed {', '.join(map(str, SEEDS))}")
        for name, values in aurocs.items():
            print(f"  {name:8} {means[name]:.3f}  ({', '.join(f'{value:.3f}' for value in values)})")
    return means


@pytest.fixture(autouse=True)
def _one_torch_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("kind", KINDS)
def test_leukaemia_on_three_nodes(real_data: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """AML against ALL: 38 patients over 3 nodes, 4-fold cross-validation with the left-out patients pooled."""
    folder = real_data / "omics" / "golub"
    table = pd.read_csv(folder / "data_set_ALL_AML_train.csv")
    samples = [name for name in table.columns if name.isdigit()]
    known = pd.read_csv(folder / "actual.csv").set_index("patient")["cancer"]
    labels = np.array([known[int(name)] == "AML" for name in samples]).astype(int)
    values, genes = table[samples].to_numpy(float).T, table["Gene Accession Number"].tolist()
    assert (values.shape, int(labels.sum())) == ((38, 7129), 11)
    target = Target("cancer", "AML", ("ALL",))
    aurocs: dict[str, list[float]] = {}
    for seed in SEEDS:
        scores: dict[str, np.ndarray] = {}
        for train, test in StratifiedKFold(4, shuffle=True, random_state=seed).split(values, labels):
            parts = StratifiedKFold(3, shuffle=True, random_state=seed).split(values[train], labels[train])
            nodes = [
                cohort(str(n), values[train[p]], labels[train[p]], genes, target) for n, (_, p) in enumerate(parts)
            ]
            for name, model in arms(nodes, kind, seed).items():
                of_fold = model.probabilities(scale(values[test], "rank"))[:, 0]
                scores.setdefault(name, np.empty(38))[test] = of_fold
        for name, predicted in scores.items():
            aurocs.setdefault(name, []).append(auroc_interval(labels, predicted).value)
    means = report(f"AML against ALL (golub, 38 patients), {kind}", aurocs, capsys)
    local = np.mean([value for name, value in means.items() if name.startswith("local")])
    assert means["swarm"] >= local
    assert means["swarm"] > means["merged"] - 0.05
    assert means["swarm"] > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_tuberculosis_on_three_studies(real_data: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Active tuberculosis against everything else; genes that both groups of studies have."""

    def read(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        folder = real_data / "omics" / "tb"
        return (
            pd.read_csv(folder / f"{name}_expr.csv.gz", index_col=0),
            pd.read_csv(folder / f"{name}_meta.csv", index_col=0),
        )

    (expression, meta), (other, other_meta) = read("GSE19491"), read("GSE42834")
    genes = sorted(set(expression.index) & set(other.index))
    target = Target("TBStatus", "PTB", ("Control", "LTBI", "OD"))
    nodes = []
    for study, patients in (("GSE19439", 42), ("GSE19442", 51), ("GSE19444", 54)):
        rows = (meta["Study"] == study).to_numpy()
        labels = (meta["TBStatus"][rows] == "PTB").to_numpy().astype(int)
        assert len(labels) == patients
        nodes.append(cohort(study, expression.loc[genes].to_numpy().T[rows], labels, genes, target))
    test = scale(other.loc[genes].to_numpy().T, "rank")
    truth = (other_meta["TBStatus"] == "PTB").to_numpy().astype(int)
    assert (len(genes), len(truth), int(truth.sum())) == (41, 281, 40)
    aurocs: dict[str, list[float]] = {}
    for seed in SEEDS:
        models = arms(nodes, kind, seed)
        for name, model in models.items():
            aurocs.setdefault(name, []).append(auroc_interval(truth, model.probabilities(test)[:, 0]).value)
    if kind == "lasso":
        used = np.flatnonzero(coefficients(models["swarm"].state)[0])
        with capsys.disabled():
            print(f"\nthe swarm's LASSO uses {len(used)} of 41 genes: {', '.join(genes[i] for i in used)}")
        assert 0 < len(used) < 41
    means = report(f"tuberculosis, tested on GSE42834 ({len(truth)} samples), {kind}", aurocs, capsys)
    assert means["swarm"] > means["merged"] - 0.05
    assert means["swarm"] > 0.85
