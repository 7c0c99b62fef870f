"""What is evaluated, and what comes out of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from heatmaps.evaluation.intervals import Mean, mean_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from heatmaps.evaluation.perturbation import Perturbation
    from heatmaps.methods import Method
    from models.model_file import Model

RANDOM = "random"
"""Name of the order that knows nothing, against which methods are held."""

MEASURES = (
    *("deletion", "insertion", "gain", "gain_over_random", "flips"),
    *("auroc", "pointing", "top_percent", "redrawn", "stability", "top_overlap"),
)
"""Numbers of one method on one slide, in the order of tables."""


@dataclass(frozen=True)
class Case:
    """One slide: its feature file, whose it is, and its label (0 or 1) where it is known."""

    path: Path
    patient: str
    label: int | None = None


@dataclass(frozen=True)
class Plan:
    """What is done.

    Attributes
    ----------
    target : str
    methods : sequence of Method
    seed : int
        Of the random order, the bootstrap and the weights drawn again.
    redraws : int
        How often weights are drawn again; 0 leaves that check out.
    annotations : Path, optional
        Folder with what people drew.
    by_patient : bool
        Whether it is known whose slide each is; else each slide stands for itself.
    others : sequence of Model
        Of other seeds or rounds, whose heatmaps should look alike.
    """

    target: str
    methods: Sequence[Method]
    seed: int = 0
    redraws: int = 3
    annotations: Path | None = None
    by_patient: bool = False
    others: Sequence[Model] = ()


@dataclass(frozen=True)
class SlideResult:
    """One slide's numbers: ``numbers[method][measure]``, NaN for what could not be told, and its curves."""

    slide: str
    patient: str
    tiles: int
    probability: float
    explained: str
    numbers: dict[str, dict[str, float]]
    curves: dict[str, Perturbation]


@dataclass
class Evaluation:
    """The results, and how many slides are not among them and why."""

    plan: Plan
    model_sha256: str
    slides: list[SlideResult] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    annotated: int = 0

    @property
    def names(self) -> list[str]:
        """The methods and the random order."""
        return [*(method.name for method in self.plan.methods), RANDOM]

    def mean(self, name: str, measure: str) -> Mean | None:
        """Return the mean of one measure of one method over the slides, with its interval."""
        values = [one.numbers[name].get(measure, math.nan) for one in self.slides]
        return mean_of(values, [one.patient for one in self.slides], self.plan.seed)

    def curve(self, name: str, which: str) -> NDArray[np.float64]:
        """Return the mean curve (101,) of ``most_first`` or ``least_first`` over the slides, by percent taken away."""
        percent = np.linspace(0, 1, 101)
        curves = [getattr(one.curves[name], which) for one in self.slides]
        return np.mean([np.interp(percent, np.linspace(0, 1, len(c)), c) for c in curves], axis=0)
