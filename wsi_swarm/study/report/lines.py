"""One line per arm over the scenarios of a group, as Saldanha et al. (Nature Medicine 2022) show data efficiency."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.wording import number
from pipelines.svg import Drawing, Scale
from wsi_swarm.study.report.columns import draw_scale
from wsi_swarm.study.report.frame import SHOWN, best_local
from wsi_swarm.study.report.looks import BEST_LOCAL, EQUAL, FAINT, LOCAL, LOOKS, MEAN_LOCAL, MERGED, SOFT, WEIGHTED
from wsi_swarm.study.report.marks import mark, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from wsi_swarm.study.report.frame import Column, Panel

_LEFT, _TOP, _WIDTH, _HEIGHT, _RIGHT = 44.0, 26.0, 270.0, 220.0, 126.0
_LINES = (BEST_LOCAL, MEAN_LOCAL, MERGED, EQUAL, WEIGHTED)


@dataclass(frozen=True)
class Point:
    """One arm at one place: mean over the repeats and the middle 95 % of them."""

    x: float
    mean: float
    low: float
    high: float
    repeats: int


def series_of(panels: Sequence[Panel], metric: str) -> dict[str, list[Point]]:
    """Return the points of each line, in the order of x; lines without any value are left out."""
    found: dict[str, list[Point]] = {}
    for panel in sorted(panels, key=position):
        for name in _LINES:
            values = _values(panel, name, metric)
            if len(values):
                low, high = np.percentile(values, [2.5, 97.5])
                point = Point(position(panel), float(values.mean()), float(low), float(high), len(values))
                found.setdefault(name, []).append(point)
    return found


def position(panel: Panel) -> float:
    """Return where a scenario stands on its figure's axis."""
    return float(panel.rows["x"].iloc[0])


def axis_name(panels: Sequence[Panel]) -> str:
    """Say what x is, where the table itself tells."""
    local = [panel.rows[panel.rows["arm"] == LOCAL] for panel in panels]
    if all(len(rows) and (rows["n_train"] == rows["x"]).all() for rows in local):
        return "patients per node"
    if all((panel.rows["nodes"] == panel.rows["x"]).all() for panel in panels):
        return "nodes"
    return f"{panels[0].rows['group'].iloc[0]} (x of the study file)"


def line_figure(panels: Sequence[Panel], metric: str, ends: tuple[float, float], ident: str) -> Markup:
    """Draw one metric of one group of scenarios, for one learner and target."""
    lines = series_of(panels, metric)
    places = sorted({position(panel) for panel in panels})
    by_ratio = places[0] > 0 and places[-1] >= 8 * places[0]
    along = _Along(places, by_ratio)
    drawing = Drawing(_LEFT + _WIDTH + _RIGHT, _TOP + _HEIGHT + 44)
    scale = Scale(*ends, _TOP + _HEIGHT, _TOP)
    drawing.text(_LEFT, 14, SHOWN[metric], 13, font_weight="bold")
    draw_scale(drawing, scale, _LEFT, _LEFT + _WIDTH)
    if metric == "auroc":
        drawing.line(_LEFT, scale(0.5), _LEFT + _WIDTH, scale(0.5), stroke=SOFT, stroke_dasharray="5 4")
        drawing.text(_LEFT + 4, scale(0.5) - 4, "chance", 10, fill=SOFT)
    base = _TOP + _HEIGHT
    drawing.line(_LEFT, base, _LEFT + _WIDTH, base, stroke_width=1.2)
    last = -99.0
    for place in places:
        x = along(place)
        drawing.line(x, base, x, base + 5)
        if x - last >= 26:
            drawing.text(x, base + 18, f"{place:g}", 11, text_anchor="middle", fill=SOFT)
            last = x
    title = axis_name(panels) + (", by ratio" if by_ratio else "")
    drawing.text(_LEFT + _WIDTH / 2, base + 36, title, 11.5, text_anchor="middle")
    for index, (name, points) in enumerate(lines.items()):
        _draw_line(drawing, name, points, along, scale, 4.0 * (index - (len(lines) - 1) / 2))
    wanted = [scale(points[-1].mean) for points in lines.values()]
    labels = spread(wanted, 14.0, _TOP + 4, base - 4)
    for name, y, end in zip(lines, labels, wanted, strict=True):
        look = LOOKS[name]
        drawing.line(_LEFT + _WIDTH - 6, end, _LEFT + _WIDTH + 8, y, stroke=FAINT)
        drawing.text(_LEFT + _WIDTH + 11, y + 4, name, 11.5, fill=look.words, font_weight="bold")
    said = "; ".join(
        f"{name}: " + ", ".join(f"{number(p.mean)} at {p.x:g}" for p in points) for name, points in lines.items()
    )
    what = f"{SHOWN[metric]} over {axis_name(panels)}, {panels[0].learner}, {panels[0].target}"
    return drawing.finish(ident, what, said + ".")


def _draw_line(drawing: Drawing, name: str, points: list[Point], along: _Along, scale: Scale, aside: float) -> None:
    look = LOOKS[name]
    places = [(along(point.x) + aside, scale(point.mean)) for point in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    drawing.add("polyline", points=path, fill="none", stroke=look.colour, stroke_width=1.8, stroke_dasharray=look.dash)
    for point, (x, y) in zip(points, places, strict=True):
        if point.repeats > 1:
            drawing.line(x, scale(point.low), x, scale(point.high), stroke=look.colour, stroke_width=1.1)
            for end in (point.low, point.high):
                drawing.line(x - 2.5, scale(end), x + 2.5, scale(end), stroke=look.colour, stroke_width=1.1)
        tip = f"{name} at {point.x:g}: {number(point.mean)} ({number(point.low)} to {number(point.high)})"
        mark(drawing, x, y, 4.2, look, tip, stroke_width=1.0 if look.filled else 1.6)


class _Along:
    """Places on the axis: in proportion, or by ratio where they reach over a factor of eight."""

    def __init__(self, places: list[float], by_ratio: bool) -> None:
        self._turn = math.log if by_ratio else float
        low, high = self._turn(places[0]), self._turn(places[-1])
        if high == low:
            low, high = low - 1, high + 1
        self._scale = Scale(low, high, _LEFT + 18, _LEFT + _WIDTH - 18)

    def __call__(self, place: float) -> float:
        return self._scale(self._turn(place))


def _values(panel: Panel, name: str, metric: str) -> Column:
    rows = panel.rows
    if name == BEST_LOCAL:
        best = best_local(panel, metric)
        return rows[metric].iloc[:0] if best is None else panel.values(best, metric)
    if name == MEAN_LOCAL:
        return rows[rows["arm"] == LOCAL].groupby("repeat")[metric].mean().dropna()
    return rows[rows["arm"] == name].set_index("repeat")[metric].dropna()
