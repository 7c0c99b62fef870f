"""A study's outcome in one line per scenario, learner and target: for a terminal, and for documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from wsi_swarm.study.types import Rival, Verdict

SHARED = ("merged", "swarm basic", "swarm weighted")
HEAD = ("scenario", "learner", "target", "nodes' mean", "best node", *SHARED, "beats best node", "reaches merged")


@dataclass(frozen=True)
class Line:
    """Means of the metric by arm, with the SD over repeats where nodes share data, and what is said of the swarm.

    Attributes
    ----------
    where
        Scenario, learner, target.
    nodes
        Mean over all nodes and of the best of them; empty if none was trained alone.
    shared
        Mean and SD by arm of ``SHARED``; an arm that was not trained is absent.
    told
        Verdicts by rival, on the weighted swarm, or on the basic one where there is no weighted.
    """

    where: tuple[str, str, str]
    nodes: tuple[float, ...]
    shared: Mapping[str, tuple[float, float]]
    told: Mapping[Rival, Verdict]


def summarise(rows: pd.DataFrame, verdicts: Sequence[Verdict], metric: str) -> list[Line]:
    """Summarise a study's table of results."""
    lines: list[Line] = []
    for (scenario, learner, target), part in rows.groupby(["scenario", "learner", "target"], sort=False):
        arms = dict(iter(part.groupby("arm", sort=False)))
        nodes = arms["local"].groupby("node", sort=False)[metric].mean() if "local" in arms else ()
        where = (str(scenario), str(learner), str(target))
        here = [one for one in verdicts if (one.scenario, one.learner, one.target) == where]
        swarm = max((one.arm for one in here), key=SHARED.index, default="")
        lines.append(
            Line(
                where,
                (float(nodes.mean()), float(nodes.max())) if len(nodes) else (),
                {
                    arm: (float(arms[arm][metric].mean()), float(arms[arm][metric].std()))
                    for arm in SHARED
                    if arm in arms
                },
                {one.rival: one for one in here if one.arm == swarm},
            )
        )
    return lines


def _mean_and_sd(values: pd.Series) -> tuple[float, float]:
    return float(values.mean()), float(values.std())


def as_text(lines: Sequence[Line]) -> str:
    """Return an aligned table without SDs and intervals."""
    table = [HEAD, *(_cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


def _cells(line: Line) -> tuple[str, ...]:
    nodes = [f"{mean:.3f}" for mean in line.nodes] or ["", ""]
    shared = [f"{line.shared[arm][0]:.3f}" if arm in line.shared else "" for arm in SHARED]
    rivals: tuple[Rival, ...] = ("best node", "merged")
    told = [line.told[rival].outcome if rival in line.told else "" for rival in rivals]
    return (*line.where, *nodes, *shared, *told)
