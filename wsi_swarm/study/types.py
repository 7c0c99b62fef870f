"""What the rooms of a study hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

Rival = Literal["node", "best node", "nodes", "merged"]
"""Whom a swarm is compared with: one node, the best of them, their mean, or merged data."""

Arm = Literal["local", "merged", "swarm basic", "swarm weighted"]
ARMS: tuple[Arm, ...] = ("local", "merged", "swarm basic", "swarm weighted")


@dataclass(frozen=True, eq=False)
class TableSource:
    """A cohort of measurements, as read: nothing is scaled.

    Attributes
    ----------
    name
        Of the cohort.
    patients
        Their ids, sorted.
    columns
        Names of the measurements (genes), sorted.
    values
        (patients, columns) float32, finite.
    clinical
        For each column of the clinical table (targets, laboratory, …) one text per patient; empty where unknown.
    drawn
        Whether a random generator made it up.
    """

    name: str
    patients: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray
    clinical: Mapping[str, tuple[str, ...]]
    drawn: bool = False


@dataclass(frozen=True)
class SlideSource:
    """A cohort of slides whose features lie in files: STAMP's two tables and a folder of feature files."""

    name: str
    clini: Path
    slides: Path
    features: Path
    drawn: bool = False


Source = TableSource | SlideSource


@dataclass(frozen=True)
class Verdict:
    """What a study says in words about one question.

    Attributes
    ----------
    scenario, learner, target
        Where.
    arm, against
        The model in question and the one beside it, for example "swarm weighted" and "the best node, north".
    rival
        What kind of model that is.
    question
        ``beats``: is it better; ``reaches``: is it no worse than ``against`` by more than the margin.
    metric
        ``auroc`` or ``accuracy``.
    difference, low, high
        Mean of (arm - against) over the repeats and its 95 % interval; None where there is no interval.
    margin
        Of ``reaches``; 0 for ``beats``.
    outcome
        ``yes`` (the interval says so), ``no`` (the interval says the opposite) or ``open``.
    words
        One sentence for a reader, with the numbers.
    method
        How the interval was made, and what it covers.
    """

    scenario: str
    learner: str
    target: str
    arm: str
    against: str
    rival: Rival
    question: Literal["beats", "reaches"]
    metric: str
    difference: float
    low: float | None
    high: float | None
    margin: float
    outcome: Literal["yes", "no", "open"]
    words: str
    method: str


@dataclass(frozen=True)
class RealNodes:
    """One configuration of a study, repeated with real processes, sockets and a chain.

    Attributes
    ----------
    scenario, learner, arm, repeat
        Which.
    root, root_on_chain
        Hex roots of the final model in process and on the chain.
    nodes, rounds, seconds
        How many, and how long the real ones took.
    """

    scenario: str
    learner: str
    arm: str
    repeat: int
    root: str
    root_on_chain: str
    nodes: int
    rounds: int
    seconds: float


@dataclass(frozen=True)
class NodeMake:
    """Who is in a node of a scenario, in the first repeat: for the figure of the nodes' make-up."""

    scenario: str
    node: str
    target: str
    positive: int
    negative: int
    unknown: int = 0


@dataclass(frozen=True)
class Told:
    """What a report's reader must know beside the numbers.

    Attributes
    ----------
    name, title, question
        Of the study; ``question`` is one or two sentences.
    cohorts
        One line for each: name, patients, by target, where from, whether drawn.
    scenarios
        One sentence for each by name: how nodes and test set were made.
    learners
        One sentence for each by name.
    repeats, seed
        As in the study file.
    command, software, seconds
        How it was made.
    notes
        Sentences on what the numbers cannot tell.
    """

    name: str
    title: str
    question: str
    cohorts: tuple[str, ...]
    scenarios: Mapping[str, str]
    learners: Mapping[str, str]
    repeats: int
    seed: int
    command: str
    software: str
    seconds: float
    notes: tuple[str, ...] = ()
    galleries: Mapping[str, str] = field(default_factory=dict)
    """Pictures of top tiles by arm: paths relative to the study's folder."""
