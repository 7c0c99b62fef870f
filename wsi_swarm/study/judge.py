"""Verdicts: did the swarm beat each centre alone, did it reach merged data, and how sure is that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import t as student

from models.evaluation.bootstrap import weighted_areas
from wsi_swarm.study.job import THRESHOLD, measures
from wsi_swarm.study.types import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wsi_swarm.study.types import Rival

RESAMPLES = 1000
FEWEST = 3
"""Repeats below which nothing is said of their spread."""


@dataclass(frozen=True)
class Scored:
    """One repeat: the test patients' labels (0, 1), and each model's probabilities for them.

    Attributes
    ----------
    patients
        Ids of the test patients, in the order of labels and scores.
    trained
        Training patients of the largest model.
    """

    patients: tuple[str, ...]
    labels: np.ndarray
    scores: Mapping[str, np.ndarray]
    trained: int


@dataclass(frozen=True)
class Question:
    """Where a verdict belongs, and by what it is judged."""

    scenario: str
    learner: str
    target: str
    metric: Literal["auroc", "accuracy"]
    margin: float
    resampled: bool
    """Whether each repeat held other patients out, and not only drew another training."""


def verdicts(about: Question, repeats: Sequence[Scored], swarms: Sequence[str], seed: int) -> list[Verdict]:
    """Compare each swarm with the best single node, with the nodes' mean, and with merged data.

    The best node is the one with the highest mean over the repeats: the test patients chose it, to its advantage.
    """
    names = list(repeats[0].scores)
    values = {name: np.array([_value(one, name, about.metric) for one in repeats]) for name in names}
    nodes = [name for name in names if name.startswith("local ")]
    found: list[Verdict] = []
    for swarm in swarms:
        if swarm not in names:
            continue
        if nodes:
            best = max(nodes, key=lambda name: float(np.nanmean(values[name])))
            found.append(_verdict(about, repeats, values, swarm, "best node", [best], seed))
            found.append(_verdict(about, repeats, values, swarm, "nodes", nodes, seed))
        if "merged" in names:
            found.append(_verdict(about, repeats, values, swarm, "merged", ["merged"], seed))
    return found


def _verdict(
    about: Question,
    repeats: Sequence[Scored],
    values: Mapping[str, np.ndarray],
    arm: str,
    rival: Rival,
    others: Sequence[str],
    seed: int,
) -> Verdict:
    question: Literal["beats", "reaches"] = "reaches" if rival == "merged" else "beats"
    against = {"best node": f"the best node, {others[0][6:]}", "nodes": "the nodes' mean"}.get(rival, "merged data")
    differences = values[arm] - np.mean([values[name] for name in others], axis=0)
    differences = differences[~np.isnan(differences)]
    mean = float(differences.mean()) if len(differences) else float("nan")
    if about.resampled:
        ends, method = _corrected(differences, repeats)
    else:
        ends, method = _resampled_patients(about, repeats, arm, others, seed)
    margin = about.margin if question == "reaches" else 0.0
    outcome: Literal["yes", "no", "open"] = "open"
    if ends is not None and ends[0] == ends[1] == mean == 0.0:
        ends, method = None, f"no interval: the two were equal in each of {len(differences)} repeats"
        outcome = "yes" if question == "reaches" else "open"
    elif ends is not None:
        above = ends[0] >= -margin if question == "reaches" else ends[0] > 0
        below = ends[1] < -margin if question == "reaches" else ends[1] < 0
        outcome = "yes" if above else "no" if below else "open"
    low, high = ends or (None, None)
    words = _words(arm, against, question, about, mean, ends, margin, outcome)
    return Verdict(
        about.scenario,
        about.learner,
        about.target,
        arm,
        against,
        rival,
        question,
        about.metric,
        mean,
        low,
        high,
        margin,
        outcome,
        words,
        method,
    )


def _value(one: Scored, name: str, metric: str) -> float:
    return measures(one.labels, one.scores[name])[metric]


def _corrected(differences: np.ndarray, repeats: Sequence[Scored]) -> tuple[tuple[float, float] | None, str]:
    """Interval over random splits, whose training sets overlap (Nadeau and Bengio, Machine Learning 2003; 52: 239)."""
    count = len(differences)
    if count < FEWEST:
        return None, f"no interval: {count} repeats are too few"
    share = np.mean([len(one.labels) / one.trained for one in repeats])
    spread = float(np.sqrt((1.0 / count + share) * differences.var(ddof=1)))
    reach = float(student.ppf(0.975, count - 1)) * spread
    middle = float(differences.mean())
    method = f"corrected t interval over {count} random splits (their training patients overlap)"
    return (middle - reach, middle + reach), method


def _resampled_patients(
    about: Question, repeats: Sequence[Scored], arm: str, others: Sequence[str], seed: int
) -> tuple[tuple[float, float] | None, str]:
    """Interval over test patients (by class) and repeats, both drawn with replacement."""
    rng = np.random.default_rng(seed)
    labels: dict[str, int] = {}
    for one in repeats:
        labels.update(zip(one.patients, one.labels.tolist(), strict=True))
    ids, known = list(labels), np.array(list(labels.values()))
    counts = np.zeros((RESAMPLES, len(ids)), np.int64)
    for label in (0, 1):
        members = np.flatnonzero(known == label)
        if not len(members):
            return None, "no interval: the test patients are of one class"
        shares = np.full(len(members), 1.0 / len(members))
        counts[:, members] = rng.multinomial(len(members), shares, size=RESAMPLES)
    place = {name: number for number, name in enumerate(ids)}
    of_repeat = np.stack([_difference(about, one, arm, others, counts, place) for one in repeats], axis=1)
    drawn = rng.integers(len(repeats), size=(RESAMPLES, len(repeats)))
    means = np.nanmean(np.take_along_axis(of_repeat, drawn, axis=1), axis=1)
    low, high = np.nanquantile(means, [0.025, 0.975])
    method = f"bootstrap over {len(ids)} test patients by class and {len(repeats)} repeats, {RESAMPLES} draws"
    return (float(low), float(high)), method


def _difference(
    about: Question, one: Scored, arm: str, others: Sequence[str], counts: np.ndarray, place: Mapping[str, int]
) -> np.ndarray:
    own = counts[:, [place[patient] for patient in one.patients]]
    empty = (own[:, one.labels == 1].sum(axis=1) == 0) | (own[:, one.labels == 0].sum(axis=1) == 0)

    def value(name: str) -> np.ndarray:
        if about.metric == "auroc":
            found = np.full(len(own), np.nan)
            found[~empty] = weighted_areas(one.labels, one.scores[name], own[~empty])[0]
            return found
        return own @ ((one.scores[name] >= THRESHOLD) == (one.labels == 1)) / np.maximum(own.sum(axis=1), 1)

    return value(arm) - np.mean([value(name) for name in others], axis=0)


def _words(
    arm: str,
    against: str,
    question: str,
    about: Question,
    mean: float,
    ends: tuple[float, float] | None,
    margin: float,
    outcome: str,
) -> str:
    metric = {"auroc": "AUROC", "accuracy": "accuracy"}[about.metric]
    interval = f" (95 % interval {ends[0]:+.3f} to {ends[1]:+.3f})" if ends else ""
    told = f"mean {metric} difference {mean:+.3f}{interval}"
    subject = f"{arm[0].upper()}{arm[1:]}"
    if question == "beats":
        verb = {"yes": "beat", "no": "was worse than", "open": "was not shown to differ from"}[outcome]
        return f"{subject} {verb} {against}: {told}."
    if outcome == "no":
        return f"{subject} stayed more than {margin:g} below {against}: {told}."
    verb = {"yes": "reached", "open": "was not shown to reach"}[outcome]
    return f"{subject} {verb} {against} within {margin:g}: {told}."
