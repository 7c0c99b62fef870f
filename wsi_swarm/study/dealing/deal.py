"""Deals patients to nodes and holds out test patients: row numbers in, row numbers out, everything by a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import ConfigError
from wsi_swarm.study.dealing.arithmetic import (
    of_equal_prevalence,
    of_given_prevalence,
    rounded,
    whole_batches,
    with_both_classes,
)
from wsi_swarm.study.dealing.plan import DealPlan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Rows = NDArray[np.int_]

__all__ = ["Deal", "DealPlan", "deal"]


@dataclass(frozen=True, eq=False)
class Deal:
    """Row numbers, ascending and disjoint, by node and of the test set; ``unused`` rows are in neither."""

    nodes: Mapping[str, Rows]
    test: Rows
    unused: int


def deal(labels: NDArray[np.float64], strata: Sequence[str], batches: Sequence[str], plan: DealPlan, seed: int) -> Deal:
    """Hold out test patients and deal the others to nodes.

    The test set does not depend on how the others are dealt, so that ways of dealing compare on the same patients. Rows
    without a label are never tested on, and trained on only where each cohort is a node: another target may know them.

    Parameters
    ----------
    labels
        (n,) 1, 0 or NaN of the first target.
    strata, batches
        (n,) cohort and batch of each row; batches are looked at only to deal by them.
    plan
        How.
    seed
        At least 0; the same gives the same deal.

    Raises
    ------
    ConfigError
        If a cohort is unknown or a node or the test set lacks a class.
    """
    y, cohorts, lots = np.asarray(labels, float), np.asarray(strata, str), np.asarray(batches, str)
    if not y.shape == cohorts.shape == lots.shape == (len(y),) or not (np.isnan(y) | (y == 0) | (y == 1)).all():
        msg = "labels of 0, 1 or NaN, cohorts and batches have to be one per row"
        raise ConfigError(msg)
    for name in (*plan.train, *(plan.test if isinstance(plan.test, tuple) else ())):
        if name not in cohorts:
            msg = f"there is no cohort {name!r}; there are {', '.join(sorted(set(cohorts.tolist()))) or 'none'}"
            raise ConfigError(msg)
    # Streams of their own, so that the test set stays whatever is dealt.
    draw_test, draw_nodes = (np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, n]))) for n in (0, 1))
    held_out = _held_out(y, cohorts, plan, draw_test)
    test = _thinned(held_out, y, plan, draw_test)
    free = np.setdiff1d(np.flatnonzero(np.isin(cohorts, plan.train)), held_out)
    nodes = {name: _capped(name, rows, y, plan) for name, rows in _to_nodes(free, y, cohorts, lots, plan, draw_nodes)}
    return Deal(nodes, test, len(y) - len(test) - sum(map(len, nodes.values())))


def _held_out(y: NDArray[np.float64], cohorts: NDArray[np.str_], plan: DealPlan, rng: np.random.Generator) -> Rows:
    if isinstance(plan.test, tuple):
        return np.flatnonzero(np.isin(cohorts, plan.test) & ~np.isnan(y))
    parts = []
    for cohort in plan.train:
        for label in (0, 1):
            rows = np.flatnonzero((cohorts == cohort) & (y == label))
            parts.append(rng.permutation(rows)[: int(plan.test * len(rows) + 0.5)])
    return np.sort(np.concatenate(parts))


def _to_nodes(
    free: Rows,
    y: NDArray[np.float64],
    cohorts: NDArray[np.str_],
    lots: NDArray[np.str_],
    plan: DealPlan,
    rng: np.random.Generator,
) -> list[tuple[str, Rows]]:
    """Return names and rows of the nodes, the rows in an order of which any beginning is a fair sample."""
    if plan.how == "cohorts":
        return [(name, rng.permutation(free[cohorts[free] == name])) for name in plan.train]
    names = [f"node {number}" for number in range(1, plan.nodes + 1)]
    cases, controls = (_spread(free[y[free] == label], cohorts, rng) for label in (1, 0))
    if plan.how == "batch":
        rows = np.concatenate([cases, controls])
        home = whole_batches(y[rows] == 1, lots[rows], plan.nodes, rng)
        return [(name, rows[home == number]) for number, name in enumerate(names)]
    sizes, count = plan.sizes or (1.0,) * plan.nodes, (len(cases), len(controls))
    shares = (
        of_given_prevalence(*count, sizes, plan.prevalence) if plan.prevalence else of_equal_prevalence(*count, sizes)
    )
    ends = np.cumsum(shares, axis=0)
    parts = (np.split(rows, ends[:, column])[:-1] for column, rows in enumerate((cases, controls)))
    return [(name, np.concatenate(both)) for name, *both in zip(names, *parts, strict=True)]


def _spread(rows: Rows, cohorts: NDArray[np.str_], rng: np.random.Generator) -> Rows:
    """Shuffle rows so that any stretch of them holds the cohorts in about their proportion."""
    place = np.zeros(len(rows))
    for cohort in np.unique(cohorts[rows]):
        own = np.flatnonzero(cohorts[rows] == cohort)
        place[own] = (rng.permutation(len(own)) + rng.random(len(own))) / len(own)
    return rows[np.argsort(place, kind="stable")]


def _capped(name: str, rows: Rows, y: NDArray[np.float64], plan: DealPlan) -> Rows:
    cases, controls = (rows[y[rows] == label] for label in (1, 0))
    for found, what in ((cases, "case"), (controls, "control")):
        if not len(found):
            msg = (
                f"{name} gets no {what} among its {len(rows)} training patients, and a node needs both classes; give "
                "it more patients or a larger share, ask for fewer nodes, or hold out fewer"
            )
            raise ConfigError(msg)
    if plan.patients is None or plan.patients >= len(rows):
        return np.sort(rows)
    # Each count never falls as the cap grows, which is what makes the sets nested.
    known = len(cases) + len(controls)
    labelled = min(max(2, rounded(plan.patients, known, len(rows))), plan.patients)
    n_cases = with_both_classes(labelled, rounded(labelled, len(cases), known))
    unknown = rows[np.isnan(y[rows])][: plan.patients - labelled]
    return np.sort(np.concatenate([cases[:n_cases], controls[: labelled - n_cases], unknown]))


def _thinned(rows: Rows, y: NDArray[np.float64], plan: DealPlan, rng: np.random.Generator) -> Rows:
    cases, controls = (rows[y[rows] == label] for label in (1, 0))
    if not len(cases) or not len(controls):
        msg = f"the test set has {len(cases)} cases and {len(controls)} controls and needs both; hold out more patients"
        raise ConfigError(msg)
    share = plan.test_prevalence
    if share is None:
        return rows
    n_cases = int(len(controls) * share / (1 - share) + 0.5)
    if n_cases <= len(cases):
        cases = rng.permutation(cases)[:n_cases]
    else:
        controls = rng.permutation(controls)[: int(len(cases) * (1 - share) / share + 0.5)]
    if not len(cases) or not len(controls):
        msg = (
            f"a test set of {share:.3g} cases cannot be made of {len(rows)} patients, since none of a class would be "
            "left; hold out more patients"
        )
        raise ConfigError(msg)
    return np.sort(np.concatenate([cases, controls]))
