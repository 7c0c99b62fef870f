"""Which figures a study has, scenario by scenario and group by group, each with an id of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsi_swarm.study.report.boxes import FEW, MANY, box_panel
from wsi_swarm.study.report.differences import forest, reach
from wsi_swarm.study.report.frame import limits
from wsi_swarm.study.report.lines import line_figure, position
from wsi_swarm.study.report.makeup import makeup_figure
from wsi_swarm.study.report.tables import judged_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from wsi_swarm.study.report.frame import Panel
    from wsi_swarm.study.types import NodeMake, Verdict

FIGURE_METRICS = ("auroc", "accuracy")


@dataclass(frozen=True)
class PanelFigures:
    """The box plots of one panel, with what its reader must know: caption and remarks."""

    caption: str
    test: str
    remark: str
    pictures: tuple[Markup, ...]


@dataclass(frozen=True)
class ScenarioFigures:
    """A scenario's make-up, box plots and forest."""

    name: str
    makeup: tuple[Markup, ...]
    panels: tuple[PanelFigures, ...]
    forest: Markup | None


@dataclass(frozen=True)
class GroupFigures:
    """The line figures of one group of scenarios, for one learner, target and kind of test set."""

    name: str
    caption: str
    pictures: tuple[Markup, ...]


def scenario_figures(
    panels: Sequence[Panel], makes: Sequence[NodeMake], verdicts: Sequence[Verdict]
) -> tuple[ScenarioFigures, ...]:
    """Draw every scenario's figures."""
    ends = {metric: limits(panels, metric) for metric in FIGURE_METRICS}
    found = []
    for at, name in enumerate(dict.fromkeys(panel.scenario for panel in panels), 1):
        own = [make for make in makes if make.scenario == name]
        targets = dict.fromkeys(make.target for make in own)
        makeup = [
            makeup_figure([make for make in own if make.target == target], f"s{at}-makeup{index}")
            for index, target in enumerate(targets, 1)
        ]
        boxes = [
            PanelFigures(
                f"{panel.learner}, {panel.target}",
                judged_on(panel),
                _remark(panel),
                tuple(box_panel(panel, metric, ends[metric], f"s{at}-p{index}-{metric}") for metric in FIGURE_METRICS),
            )
            for index, panel in enumerate((panel for panel in panels if panel.scenario == name), 1)
        ]
        said = [verdict for verdict in verdicts if verdict.scenario == name]
        differences = forest(said, reach(verdicts), f"s{at}-forest") if said else None
        found.append(ScenarioFigures(name, tuple(makeup), tuple(boxes), differences))
    return tuple(found)


def group_figures(panels: Sequence[Panel]) -> tuple[GroupFigures, ...]:
    """Draw the scenarios that belong together and stand at two or more places of one axis."""
    ends = {metric: limits(panels, metric) for metric in FIGURE_METRICS}
    groups: dict[tuple[str, str, str], list[Panel]] = {}
    for panel in panels:
        group = str(panel.rows["group"].iloc[0])
        if group and not math.isnan(position(panel)):
            groups.setdefault((group, panel.learner, panel.target), []).append(panel)
    found = []
    for (group, learner, target), members in groups.items():
        for test, judged in _by_test(members).items():
            at, caption = len(found) + 1, ", ".join(part for part in (learner, target, test) if part)
            drawn = tuple(line_figure(judged, metric, ends[metric], f"g{at}-{metric}") for metric in FIGURE_METRICS)
            found.append(GroupFigures(group, caption, drawn))
    return tuple(found)


def _by_test(members: Sequence[Panel]) -> dict[str, list[Panel]]:
    """Return a group's panels, apart by test set where several stand at one place; one place makes no line."""
    several = len({position(panel) for panel in members}) < len(members)
    parts: dict[str, list[Panel]] = {}
    for panel in members:
        parts.setdefault(panel.test if several else "", []).append(panel)
    return {test: part for test, part in parts.items() if len({position(panel) for panel in part}) > 1}


def _remark(panel: Panel) -> str:
    repeats = panel.rows["repeat"].nunique()
    nodes = len(panel.local)
    if nodes > MANY:
        nodes_are = f"Each blue point is one of {nodes} nodes: its mean over {_times(repeats)}. "
        rest = "Every other point is one repeat."
    else:
        nodes_are, rest = "", "Each point is one repeat." if repeats > 1 else "There is one repeat, so one point each."
    if repeats < FEW:
        rest += f" Fewer than {FEW} points get no box; the bar is their median."
    return nodes_are + rest


def _times(repeats: int) -> str:
    return "one repeat" if repeats == 1 else f"{repeats} repeats"
