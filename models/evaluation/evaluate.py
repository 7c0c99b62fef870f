"""Everything that is asked of predictions, put together: one assessment per prediction table and target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.bootstrap import RESAMPLES
from models.evaluation.calibration import Calibration, Recalibration, calibrate, recalibrate
from models.evaluation.comparison import Comparison, compare_all
from models.evaluation.decision_curve import NetBenefit, decision_curve
from models.evaluation.discrimination import Discrimination, discriminate
from models.evaluation.estimates import Absent
from models.evaluation.exclusions import auroc_bounds
from models.evaluation.forest import Group, Pooled, group_by, pool
from models.evaluation.operating_points import Locked, OperatingPoint, lock_thresholds, try_threshold
from models.evaluation.predictions import Scored, read_scored
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NO_CALIBRATION_SET = (
    "no operating point: a threshold has to be chosen on other patients than those it is judged on, and no calibration "
    "set was given; name one with --calibration and --calibration-clini"
)


@dataclass(frozen=True)
class Request:
    """What to evaluate, and how.

    Attributes
    ----------
    predictions, clini, targets, positive
        As in ``read_scored``.
    centre
        Column of ``clini`` that names the centre, or None.
    subgroups
        Further columns of ``clini``.
    calibration
        Prediction tables of the calibration set, one per table of ``predictions`` in the same order, or none.
    calibration_clini
        Their clinical table.
    compare
        Whether the prediction tables are compared with each other.
    margin
        Of non-inferiority, in AUROC.
    seed
        Of bootstrap and permutations.
    """

    predictions: tuple[Path, ...]
    clini: Path
    targets: tuple[str, ...]
    positive: Mapping[str, str]
    centre: str | None = None
    subgroups: tuple[str, ...] = ()
    calibration: tuple[Path, ...] = ()
    calibration_clini: Path | None = None
    compare: bool = False
    margin: float = 0.02
    seed: int = 0
    resamples: int = RESAMPLES


@dataclass(frozen=True)
class Member:
    """One centre or subgroup: its AUROC, its calibration and the locked thresholds on it."""

    group: Group
    calibration: Calibration | Absent
    recalibration: Recalibration | Absent
    points: tuple[OperatingPoint, ...]


@dataclass(frozen=True)
class Grouping:
    """The patients by one column.

    Attributes
    ----------
    column
        Of the clinical table.
    members
        One per value.
    ungrouped
        Patients without a value.
    pooled
        Random-effects summary, or why there is none.
    """

    column: str
    members: tuple[Member, ...]
    ungrouped: int
    pooled: Pooled | Absent


@dataclass(frozen=True)
class Assessment:
    """One prediction table and one target.

    Attributes
    ----------
    scored
        The patients.
    discrimination, calibration, points, curve
        Results, or why there are none.
    bounds
        AUROC at worst and at best, had the labelled patients without a prediction been predicted.
    centres
        By the centre column, or None where none was named.
    subgroups
        By each subgroup column.
    """

    scored: Scored
    discrimination: Discrimination | Absent
    bounds: tuple[float, float] | None
    calibration: Calibration | Absent
    points: tuple[OperatingPoint, ...] | Absent
    curve: tuple[NetBenefit, ...] | Absent
    centres: Grouping | None
    subgroups: tuple[Grouping, ...]


@dataclass(frozen=True)
class Evaluation:
    """All assessments, in the order of tables and then targets, and by target the comparisons between tables."""

    request: Request
    assessments: tuple[Assessment, ...]
    comparisons: Mapping[str, tuple[Comparison, ...] | Absent]

    def of_target(self, target: str) -> tuple[Assessment, ...]:
        """Return the assessments of one target."""
        return tuple(a for a in self.assessments if a.scored.target.name == target)


def evaluate(request: Request) -> Evaluation:
    """Read the tables and evaluate.

    Raises
    ------
    ConfigError
        Faults of the tables (see ``read_scored``); calibration tables that don't match the prediction tables or share
        patients with them; a comparison of one table.
    InputError
        If a table is missing or unreadable.
    """
    if request.compare and len(request.predictions) < 2:
        msg = (
            "--compare needs at least two --predictions: the first is the model that is asked about, for instance swarm"
        )
        raise ConfigError(msg)
    columns = tuple(dict.fromkeys((*([request.centre] if request.centre else ()), *request.subgroups)))
    scored = read_scored(request.predictions, request.clini, request.targets, request.positive, columns)
    locked = _locked(request, scored)
    assessments = tuple(_assess(each, lock, request) for each, lock in zip(scored, locked, strict=True))
    comparisons = {target: _compare(request, scored, target) for target in request.targets} if request.compare else {}
    return Evaluation(request, assessments, comparisons)


def _locked(request: Request, scored: Sequence[Scored]) -> list[tuple[Locked, ...] | Absent]:
    if not request.calibration:
        if request.calibration_clini is not None:
            msg = "--calibration-clini is given without --calibration, the predictions for its patients"
            raise ConfigError(msg)
        return [Absent(NO_CALIBRATION_SET)] * len(scored)
    if len(request.calibration) != len(request.predictions):
        msg = (
            f"{len(request.calibration)} --calibration tables for {len(request.predictions)} --predictions: each model "
            "needs its own, in the same order"
        )
        raise ConfigError(msg)
    clini = request.calibration_clini or request.clini
    found = []
    for test, held in zip(
        scored, read_scored(request.calibration, clini, request.targets, request.positive), strict=True
    ):
        shared = sorted(set(test.patients) & set(held.patients))
        if shared:
            msg = (
                f"{len(shared)} patients of the calibration set of {test.name} are also among those it is evaluated on "
                f"({', '.join(shared[:3])}{', ...' if len(shared) > 3 else ''}); a threshold flatters the patients it "
                "was chosen on: take them out of one of the tables"
            )
            raise ConfigError(msg)
        found.append(lock_thresholds(held.labels, held.scores))
    return found


def _assess(scored: Scored, locked: tuple[Locked, ...] | Absent, request: Request) -> Assessment:
    labels, scores = scored.labels, scored.scores
    reason = scored.why_one_class
    curve = Absent(f"no decision curve: {reason}") if reason else _curve(scored)
    return Assessment(
        scored=scored,
        discrimination=Absent(reason) if reason else discriminate(labels, scores, request.seed, request.resamples),
        bounds=None if reason else auroc_bounds(labels, scores, scored.flow),
        calibration=Absent(f"no calibration: {reason}") if reason else calibrate(labels, scores),
        points=locked if isinstance(locked, Absent) else tuple(try_threshold(labels, scores, lock) for lock in locked),
        curve=curve,
        centres=_by(scored, request.centre, locked) if request.centre else None,
        subgroups=tuple(_by(scored, column, locked) for column in request.subgroups),
    )


def _curve(scored: Scored) -> tuple[NetBenefit, ...] | Absent:
    if scored.scores.min() < 0.0 or scored.scores.max() > 1.0:
        return Absent("no decision curve: some scores lie outside 0 to 1 and are no probabilities")
    return decision_curve(scored.labels, scored.scores)


def _by(scored: Scored, column: str, locked: tuple[Locked, ...] | Absent) -> Grouping:
    names = scored.groups[column]
    found = group_by(names, scored.labels, scored.scores)
    members = []
    for group, index in found:
        y, p = scored.labels[index], scored.scores[index]
        points = () if isinstance(locked, Absent) else tuple(try_threshold(y, p, lock) for lock in locked)
        members.append(Member(group, calibrate(y, p), recalibrate(y, p), points))
    return Grouping(column, tuple(members), names.count(""), pool([group for group, _ in found]))


def _compare(request: Request, scored: Sequence[Scored], target: str) -> tuple[Comparison, ...] | Absent:
    chosen = [each for each in scored if each.target.name == target]
    common = sorted(set.intersection(*(set(each.patients) for each in chosen)))
    if not common:
        return Absent("no comparison: no patient is predicted by every table")
    rows = [dict(zip(each.patients, range(len(each.patients)), strict=True)) for each in chosen]
    index = [np.array([row[patient] for patient in common]) for row in rows]
    labels = [each.labels[i] for each, i in zip(chosen, index, strict=True)]
    if any((other != labels[0]).any() for other in labels[1:]):
        spelled = ", ".join(f"{each.name}: {each.target.positive}" for each in chosen)
        msg = f"the tables call different labels of {target} positive ({spelled}); say --positive {target}=LABEL"
        raise ConfigError(msg)
    scores = {each.name: each.scores[i] for each, i in zip(chosen, index, strict=True)}
    return compare_all(labels[0], scores, request.margin, request.seed)
