"""Results of a study that nobody made: seeded numbers of a realistic size."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from wsi_swarm.study.types import NodeMake, RealNodes, Told, Verdict

TOLD = Told(
    name="drawn",
    title="Swarm learning on drawn numbers",
    question="Does a swarm predict MSI better than each centre alone, and as well as if all data lay in one place?",
    cohorts=("north: 240 patients (36 MSIH, 204 MSS), drawn by a generator", "south: 200 patients, drawn"),
    scenarios={},
    learners={"attention MIL": "Gated attention over all tiles of a patient.", "lasso": "Logistic regression with L1."},
    repeats=10,
    seed=7,
    command="wsi-swarm study run study.toml --out results",
    software="wsi-swarm 0.1.0",
    seconds=4810.0,
    notes=("The cohorts are drawn: the numbers show that the software works and mean nothing clinically.",),
)


@dataclass
class DrawnStudy:
    """Everything that a report is made of."""

    told: Told = TOLD
    rows: list[dict] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    makes: list[NodeMake] = field(default_factory=list)
    real: list[RealNodes] = field(default_factory=list)

    @property
    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows)


def add_scenario(study, name, nodes, *, learner="attention MIL", target="MSI", patients=60, prevalence=0.2, n_test=120,
                 repeats=10, seed=0, group="", x="", each=False):  # fmt: skip
    """Add a scenario whose nodes have the given names; swarms are better than nodes, a little worse than merged.

    Verdicts are as the study's judge gives them: against the best node and the nodes' mean; with ``each`` against all.
    """
    rng = np.random.default_rng([seed, len(name), len(nodes)])
    sizes = {node: max(8, int(patients * rng.uniform(0.7, 1.3))) if not group else patients for node in nodes}
    for node, size in sizes.items():
        positive = round(size * prevalence * float(rng.uniform(0.6, 1.4)))
        study.makes.append(NodeMake(name, node, target, positive, size - positive, int(rng.integers(0, 2))))
    level = 0.62 + 0.07 * np.log(patients / 20)
    models = [("local", node, level + rng.normal(0, 0.03), size) for node, size in sizes.items()]
    whole = sum(sizes.values())
    models += [("merged", "", level + 0.13, whole), ("swarm basic", "", level + 0.09, whole)]
    models += [("swarm weighted", "", level + 0.12, whole)]
    positive = round(n_test * prevalence)
    values = {}
    for repeat in range(repeats):
        drift = rng.normal(0, 0.015)
        for arm, node, mean, size in models:
            auroc = float(np.clip(mean + drift + rng.normal(0, 0.025), 0.3, 0.995))
            accuracy = float(np.clip(0.55 + 0.4 * auroc + rng.normal(0, 0.02), 0, 1))
            values.setdefault(arm + node, []).append(auroc)
            study.rows.append({
                "scenario": name, "learner": learner, "repeat": repeat, "arm": arm, "node": node, "target": target,
                "test": "held-out centre", "nodes": len(nodes), "n_train": size, "train_positive": size // 5,
                "n_test": n_test, "test_positive": positive, "auroc": auroc, "auprc": auroc - 0.2,
                "accuracy": accuracy, "sensitivity": accuracy - 0.1, "specificity": accuracy + 0.02,
                "f1": accuracy - 0.15, "seconds": 3.0, "root": "ab", "group": group, "x": x,
            })  # fmt: skip
    own = {node: values["local" + node] for node in nodes}
    best = max(own, key=lambda node: np.mean(own[node]))
    rivals = {f"the best node, {best}": own[best], "the nodes' mean": np.mean(list(own.values()), axis=0)}
    rivals = {f"local {node}": found for node, found in own.items()} if each else rivals
    for arm in ("swarm basic", "swarm weighted"):
        for against, theirs in rivals.items():
            study.verdicts.append(_verdict(name, learner, target, arm, against, values[arm], theirs))
        theirs = values["merged"]
        study.verdicts.append(_verdict(name, learner, target, arm, "merged data", values[arm], theirs, 0.02))
    study.told = replace(study.told, scenarios={**study.told.scenarios, name: "Patients dealt at random."})
    return study


def _verdict(scenario, learner, target, arm, against, ours, theirs, margin=0.0):
    differences = np.subtract(ours, theirs)
    mean = float(differences.mean())
    reach = 2.26 * float(differences.std(ddof=1)) / len(differences) ** 0.5 if len(differences) > 1 else None
    low, high = (None, None) if reach is None else (mean - reach, mean + reach)
    outcome = "open"
    if low is not None and high is not None:
        outcome = "yes" if low > -margin else "no" if high < -margin else "open"
    said = {"yes": "is better than", "no": "is worse than", "open": "cannot be told from"}[outcome]
    ends = "no interval" if low is None else f"95 % interval {low:+.3f} to {high:+.3f}"
    words = f"In {scenario}, {arm} {said} {against}: AUROC differs by {mean:+.3f} ({ends})."
    question = "reaches" if against == "merged data" else "beats"
    rival = "merged" if against == "merged data" else "nodes" if against == "the nodes' mean" else "node"
    rival = "best node" if against.startswith("the best node") else rival
    return Verdict(scenario, learner, target, arm, against, rival, question, "auroc", mean, low, high, margin, outcome,
                   words, "Student's t over the repeats, which covers draws and seeds, no other patients.")  # fmt: skip


def small_study():
    study = add_scenario(DrawnStudy(), "balanced", ["north", "south", "west"])
    study.real.append(
        RealNodes("balanced", "attention MIL", "swarm weighted", 0, "0x" + "ab" * 32, "ab" * 32, 3, 8, 41.5)
    )
    return study


def large_study():
    study = small_study()
    add_scenario(study, "biased prevalence", ["north", "south", "west"], learner="lasso", seed=3, prevalence=0.35)
    for patients in (25, 50, 100, 200, 400):
        add_scenario(study, f"{patients} per centre", ["north", "south", "west"], patients=patients,
                     group="data efficiency", x=patients, seed=patients)  # fmt: skip
    add_scenario(study, "many nodes", [f"node-{n:02d}" for n in range(1, 33)], patients=20, seed=5, prevalence=0.4)
    names = ["TCGA Cleveland Clinic", "DACHS", "QUASAR", "Belfast", "Yorkshire", "Munich university"]
    add_scenario(study, "six cohorts as they were", names, seed=9, repeats=4)
    return study
