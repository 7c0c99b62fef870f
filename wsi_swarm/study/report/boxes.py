"""One panel per scenario: a box with all repeats per model, as Warnat-Herresthal et al. (Nature 2021) show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.cbook import boxplot_stats

from models.evaluation.wording import number
from pipelines.svg import Drawing, Scale, shortened
from wsi_swarm.study.report.columns import columns_for, draw_scale, roomy
from wsi_swarm.study.report.frame import SHOWN, knows_nothing
from wsi_swarm.study.report.looks import LOCAL, LOOKS, SOFT
from wsi_swarm.study.report.marks import mark

if TYPE_CHECKING:
    from markupsafe import Markup

    from wsi_swarm.study.report.columns import Columns
    from wsi_swarm.study.report.frame import Column, Panel
    from wsi_swarm.study.report.looks import Look

MANY = 8
"""With more nodes than these, their means are shown as one distribution."""

FEW = 5
"""With fewer values than these there is no box: quartiles of three points would only look like knowledge."""

_TOP, _PLOT, _RIGHT = 44.0, 216.0, 77.0


def box_panel(panel: Panel, metric: str, ends: tuple[float, float], ident: str) -> Markup:
    """Draw one metric of a panel: nodes on the left, merged and swarms on the right.

    Parameters
    ----------
    panel
        What to draw.
    metric
        A column of the results table.
    ends
        Lowest and highest value of the axis.
    ident
        Of the picture in its page.
    """
    shown = _shown(panel, metric)
    columns = columns_for([name for name, *_ in shown], roomy(len(shown)))
    drawing = Drawing(columns.right + _RIGHT, _TOP + _PLOT + columns.foot + 4)
    scale = Scale(*ends, _TOP + _PLOT, _TOP)
    draw_scale(drawing, scale, columns.left, columns.right)
    _reference(drawing, panel, metric, scale, columns)
    drawing.text(columns.left, 14, SHOWN[metric], 13, font_weight="bold")
    drawing.text(columns.left - 6, 35, "mean", 10.5, text_anchor="end", fill=SOFT)
    for index, (name, look, values) in enumerate(shown):
        many = index == 0 and len(panel.local) > MANY
        _column(drawing, columns.middle(index), scale, look, values, ("node " if many else "repeat ") if many else name)
        if many:
            _extremes(drawing, columns.middle(index), scale, values)
    split = sum(look is LOOKS[LOCAL] for _, look, _ in shown)
    if 0 < split < len(shown):
        x = columns.left + columns.width * split
        drawing.line(x, _TOP - 22, x, _TOP + _PLOT, stroke=SOFT, stroke_dasharray="1 3")
    drawing.line(columns.left, _TOP + _PLOT, columns.right, _TOP + _PLOT, stroke_width=1.2)
    columns.write(drawing, _TOP + _PLOT, [look.words for _, look, _ in shown])
    said = "; ".join(
        f"{name.strip()}: " + (f"mean {number(values.mean())}" if len(values) else "no value")
        for name, _, values in shown
    )
    title = f"{SHOWN[metric]} by model, {panel.scenario}, {panel.learner}, {panel.target}"
    return drawing.finish(ident, title, f"{said}. All numbers stand in the tables below.")


def _shown(panel: Panel, metric: str) -> list[tuple[str, Look, Column]]:
    local = [(model.node, LOOKS[LOCAL], panel.values(model, metric)) for model in panel.local]
    if len(local) > MANY:
        # Empty columns beside it hold the names of its lowest and highest node.
        local = [(f"{len(local)} nodes", LOOKS[LOCAL], panel.node_means(metric))]
        local += [("", LOOKS[LOCAL], local[0][2].iloc[:0])]
    return [*local, *((model.arm, LOOKS[model.arm], panel.values(model, metric)) for model in panel.together)]


def _column(drawing: Drawing, x: float, scale: Scale, look: Look, values: Column, name: str) -> None:
    if values.empty:
        if name:
            drawing.text(x, _TOP + _PLOT / 2, "–", 14, text_anchor="middle", fill=SOFT)
        return
    # Every other mean a little higher would be clutter; three decimals fit the narrowest column.
    drawing.text(x, 35, number(float(values.mean())), 10.5, text_anchor="middle", fill=look.words, font_weight="bold")
    if len(values) >= FEW:
        stats = boxplot_stats(values.to_numpy(float), whis=1.5)[0]
        low, high = scale(stats["q1"]), scale(stats["q3"])
        for end, edge in (("whislo", low), ("whishi", high)):
            drawing.line(x, scale(stats[end]), x, edge, stroke=look.colour)
            drawing.line(x - 6, scale(stats[end]), x + 6, scale(stats[end]), stroke=look.colour)
        drawing.box(x - 14, high, 28, low - high, fill=look.colour, fill_opacity=0.13, stroke=look.colour)
        middle = stats["med"]
    else:
        middle = float(values.median())
    drawing.line(x - 14, scale(middle), x + 14, scale(middle), stroke=look.colour, stroke_width=2.4)
    radius = 3.2 if len(values) <= 25 else 2.3
    for place, (key, value) in enumerate(values.items()):
        label = f"{name}{key}" if name.endswith(" ") else f"{name}, repeat {key:g}"
        tip = f"{label}: {number(value)}"
        mark(drawing, x + _aside(place), scale(value), radius, look, tip, stroke_width=0.6, fill_opacity=0.85)


def _aside(place: int) -> float:
    """Return how far a point lies beside the middle: spread evenly, and the same for the same repeat everywhere."""
    return 22 * ((0.5 + place * 0.6180339887) % 1 - 0.5)


def _extremes(drawing: Drawing, x: float, scale: Scale, means: Column) -> None:
    if means.empty:
        return
    for word, node, shift in (("best", means.idxmax(), -2.0), ("worst", means.idxmin(), 9.0)):
        y = scale(means[node])
        halo = {"paint_order": "stroke", "stroke": "#fff", "stroke_width": 3}
        drawing.text(x + 19, y + shift, f"{word} {number(means[node])}", 10, **halo)
        drawing.text(x + 19, y + shift + 11, shortened(str(node), 10), 10, fill=SOFT, **halo)


def _reference(drawing: Drawing, panel: Panel, metric: str, scale: Scale, columns: Columns) -> None:
    value = knows_nothing(panel, metric)
    if value is None:
        return
    words = ("chance",) if metric == "auroc" else ("always the", "larger class")
    y = scale(value)
    drawing.line(columns.left, y, columns.right, y, stroke=SOFT, stroke_dasharray="5 4")
    for row, line in enumerate(words):
        drawing.text(columns.right + 4, y + 4 + 11 * (row - (len(words) - 1) / 2), line, 10, fill=SOFT)
