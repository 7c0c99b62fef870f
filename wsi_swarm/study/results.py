"""From the jobs' outcomes to one table, and to what the verdicts compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from wsi_swarm.study.job import measures
from wsi_swarm.study.judge import Question, Scored, verdicts
from wsi_swarm.study.types import NodeMake

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wsi_swarm.study.plan import Study
    from wsi_swarm.study.runner import Job
    from wsi_swarm.study.types import Verdict

Outcome = dict[str, Any]
COLUMNS = (
    *("scenario", "group", "x", "learner", "repeat", "arm", "node", "target", "test", "nodes", "n_train"),
    *("train_positive", "n_test", "test_positive", "auroc", "auprc", "accuracy", "sensitivity", "specificity", "f1"),
    *("seconds", "root"),
)


def table(study: Study, jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Return one row per scenario, learner, repeat, model and target."""
    rows: list[dict[str, Any]] = []
    for job, outcome in zip(jobs, outcomes, strict=True):
        nodes = len({make["node"] for make in outcome["makes"]})
        test = ", ".join(job.plan.test) if isinstance(job.plan.test, tuple) else f"{job.plan.test:.0%} held out"
        for number, target in enumerate(study.targets):
            labels, known = _labels(outcome, number)
            for model in outcome["models"]:
                scores = np.array(model["probabilities"])[known, number]
                rows.append(
                    {
                        "scenario": job.scenario,
                        "group": job.group,
                        "x": job.x,
                        "learner": job.learner,
                        "repeat": job.repeat,
                        "arm": model["arm"],
                        "node": model["node"],
                        "target": target.name,
                        "test": test,
                        "nodes": nodes,
                        "n_train": model["n_train"],
                        "train_positive": model["train_positive"][number],
                        "n_test": len(labels),
                        "test_positive": int(labels.sum()),
                        **measures(labels, scores),
                        "seconds": model["seconds"],
                        "root": model["root"],
                    }
                )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def makes(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> list[NodeMake]:
    """Return who is in the nodes of each scenario in its first repeat."""
    found: dict[str, list[NodeMake]] = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.repeat == 0 and job.scenario not in found:
            found[job.scenario] = [NodeMake(**{**make, "scenario": job.scenario}) for make in outcome["makes"]]
    return [make for of_scenario in found.values() for make in of_scenario]


def judged(study: Study, jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> list[Verdict]:
    """Return the verdicts on every scenario, learner and target."""
    found: list[Verdict] = []
    for (scenario, learner), members in _together(jobs).items():
        plan = jobs[members[0]].plan
        for number, target in enumerate(study.targets):
            repeats = [_scored(outcomes[member], number) for member in members]
            repeats = [one for one in repeats if len(np.unique(one.labels)) == 2]
            if not repeats:
                continue
            resampled = isinstance(plan.test, float)
            about = Question(scenario, learner, target.name, study.metric, study.margin, resampled)
            swarms = [arm for arm in plan.arms if arm.startswith("swarm")]
            found += verdicts(about, repeats, swarms, study.seed)
    return found


def predictions(jobs: Sequence[Job], outcomes: Sequence[Outcome], study: Study) -> Iterator[list[object]]:
    """Yield header and rows of a table of every prediction."""
    yield ["scenario", "learner", "repeat", "arm", "node", "patient", "target", "label", "probability"]
    for job, outcome in zip(jobs, outcomes, strict=True):
        test = outcome["test"]
        for model in outcome["models"]:
            where = [job.scenario, job.learner, job.repeat, model["arm"], model["node"]]
            for patient, labels, scores in zip(test["patients"], test["labels"], model["probabilities"], strict=True):
                for target, label, score in zip(study.targets, labels, scores, strict=True):
                    yield [*where, patient, target.name, "" if label is None else label, score]


def _together(jobs: Sequence[Job]) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = {}
    for number, job in enumerate(jobs):
        found.setdefault((job.scenario, job.learner), []).append(number)
    return found


def _labels(outcome: Outcome, target: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.array([np.nan if row[target] is None else row[target] for row in outcome["test"]["labels"]], float)
    known = ~np.isnan(labels)
    return labels[known].astype(int), known


def _scored(outcome: Outcome, target: int) -> Scored:
    labels, known = _labels(outcome, target)
    patients = tuple(np.array(outcome["test"]["patients"], dtype=object)[known].tolist())
    scores = {
        f"{model['arm']} {model['node']}".strip(): np.array(model["probabilities"])[known, target]
        for model in outcome["models"]
    }
    return Scored(patients, labels, scores, max(model["n_train"] for model in outcome["models"]))
