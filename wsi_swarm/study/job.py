"""One repeat of one scenario with one learner: patients are dealt, every arm is trained, all are judged alike."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from models.evaluation.counts import rates
from models.train import train_model
from wsi_swarm.study.dealing.deal import deal
from wsi_swarm.study.in_process import swarm_states
from wsi_swarm.study.types import NodeMake
from wsi_swarm.swarm.config import RunConfig
from wsi_swarm.swarm.merge import whole
from wsi_swarm.swarm.state.encoding import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from models.learner import Learner, State
    from wsi_swarm.study.dealing.deal import Deal
    from wsi_swarm.study.materials.base import Material
    from wsi_swarm.study.plan import LearnerPlan, ScenarioPlan
    from wsi_swarm.swarm.config import TargetConfig

THRESHOLD = 0.5


@dataclass(frozen=True)
class Trained:
    """A model of a job: its weights, the rows that it learned from, and its root if it came from a swarm."""

    arm: str
    node: str
    state: State
    rows: np.ndarray
    learner: Learner
    config: RunConfig
    seconds: float
    root: str = ""


def run_config(
    name: str, targets: Sequence[TargetConfig], plan: LearnerPlan, material: Material, weighting: str, seed: int
) -> RunConfig:
    """Return the run that an arm follows: for a swarm, what real nodes would agree on."""
    return RunConfig.model_validate(
        {
            "name": name,
            "targets": tuple(targets),
            "learner": plan.settings,
            "rounds": plan.rounds,
            "sync_steps": plan.sync_steps,
            "merge": plan.merge,
            "weighting": weighting,
            "seed": seed,
            **material.section(plan.settings),
        }
    )


def dealt(material: Material, scenario: ScenarioPlan, seed: int) -> Deal:
    """Return who trains where and who is tested in the repeat with this seed."""
    pool = material.pool
    return deal(pool.labels[:, 0], pool.cohorts, pool.batches, scenario.dealing, seed)


def train_arms(
    material: Material,
    targets: Sequence[TargetConfig],
    scenario: ScenarioPlan,
    learner: LearnerPlan,
    nodes: Mapping[str, np.ndarray],
    seed: int,
) -> Iterator[Trained]:
    """Train every arm of a scenario on these nodes, from the same first weights and with the same steps."""
    equal = run_config("study", targets, learner, material, "equal", seed)
    everybody = np.concatenate(list(nodes.values()))
    alone = {("local", name): rows for name, rows in nodes.items()} if "local" in scenario.arms else {}
    if "merged" in scenario.arms:
        alone[("merged", "")] = everybody
    for (arm, node), rows in alone.items():
        began = time.monotonic()
        one = material.learner(equal, rows, apart=arm == "merged")
        state = train_model(one, equal.rounds, equal.local_steps(equal.sync_steps, one.steps_per_epoch), seed)
        yield Trained(arm, node, state, rows, one, equal, time.monotonic() - began)
    for arm in ("swarm basic", "swarm weighted"):
        if arm not in scenario.arms:
            continue
        began = time.monotonic()
        config = equal
        if arm == "swarm weighted":
            config = run_config("study", targets, learner, material, "patients", seed)
        learners = {name: material.learner(config, rows) for name, rows in nodes.items()}
        last = None
        for state in swarm_states(config, learners, scenario.late):
            last = state
        assert last is not None  # noqa: S101 (a run has at least one round)
        first, weights = next(iter(learners.values())), decode(whole.model_of(last))
        yield Trained(arm, "", weights, everybody, first, config, time.monotonic() - began, last.root.hex())


def run_job(
    material: Material, targets: Sequence[TargetConfig], scenario: ScenarioPlan, learner: LearnerPlan, seed: int
) -> dict[str, Any]:
    """Do one job.

    Returns
    -------
    outcome
        JSON values: ``makes`` (who is in each node), ``test`` (patients and labels) and ``models`` (each with its
        probabilities for the test patients, rounded to 6 digits, and what it took).
    """
    pool, parts = material.pool, dealt(material, scenario, seed)
    models = []
    for one in train_arms(material, targets, scenario, learner, parts.nodes, seed):
        probabilities = material.probabilities(one.config, one.state, one.learner, parts.test, one.rows)
        models.append(
            {
                "arm": one.arm,
                "node": one.node,
                "n_train": len(one.rows),
                "train_positive": [int((pool.labels[one.rows, number] == 1).sum()) for number in range(len(targets))],
                "seconds": round(one.seconds, 3),
                "root": one.root,
                "probabilities": np.round(probabilities, 6).tolist(),
            }
        )
    labels = pool.labels[parts.test]
    return {
        "makes": _makes(pool.labels, parts, targets),
        "unused": parts.unused,
        "test": {
            "patients": [pool.patients[row] for row in parts.test],
            "labels": [[None if np.isnan(x) else int(x) for x in row] for row in labels],
        },
        "models": models,
    }


def _makes(labels: np.ndarray, parts: Deal, targets: Sequence[TargetConfig]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, rows in parts.nodes.items():
        for number, target in enumerate(targets):
            of = labels[rows, number]
            make = NodeMake("", name, target.name, int((of == 1).sum()), int((of == 0).sum()), int(np.isnan(of).sum()))
            found.append(vars(make))
    return found


def measures(labels: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Return the metrics of one model on labelled patients; NaN where a class is missing.

    Parameters
    ----------
    labels, scores
        (N,) 0 or 1, and probabilities; all but the areas are at the threshold .5.
    """
    called, true = scores >= THRESHOLD, labels == 1
    counts = [int(cell.sum()) for cell in (called & true, ~called & ~true, called & ~true, ~called & true)]
    both = len(np.unique(labels)) == 2
    return {
        "auroc": float(roc_auc_score(labels, scores)) if both else np.nan,
        "auprc": float(average_precision_score(labels, scores)) if both else np.nan,
        **{name: float(rate) for name, rate in rates(*counts).items()},
    }
