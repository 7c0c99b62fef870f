"""Who is in each node: positive and negative patients as one bar, to stand above the results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.svg import Drawing, Scale
from wsi_swarm.study.report.boxes import MANY
from wsi_swarm.study.report.columns import columns_for, draw_scale, roomy
from wsi_swarm.study.report.looks import INK, NEGATIVE, POSITIVE, SOFT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from wsi_swarm.study.types import NodeMake

_TOP, _PLOT = 40.0, 84.0


def makeup_figure(makes: Sequence[NodeMake], ident: str) -> Markup:
    """Draw one stacked bar per node of a scenario, for one target."""
    few = len(makes) <= MANY
    columns = columns_for([make.node for make in makes], roomy(len(makes) + 3) if few else 17.0)
    unknown = any(make.unknown for make in makes)
    drawing = Drawing(max(columns.right + 12, 330.0 if unknown else 250.0), _TOP + _PLOT + columns.foot + 4)
    top = max(1, *(make.positive + make.negative + make.unknown for make in makes))
    scale = Scale(0, float(top), _TOP + _PLOT, _TOP)
    drawing.text(columns.left, 14, f"Patients per node, {makes[0].target}", 13, font_weight="bold")
    _key(drawing, columns.left, unknown)
    draw_scale(drawing, scale, columns.left, columns.right)
    half = columns.width * (0.29 if few else 0.38)
    for index, make in enumerate(makes):
        x, y = columns.middle(index), scale(0)
        tip = f"{make.node}: {_counts(make)}"
        parts = ((make.positive, POSITIVE, None), (make.negative, NEGATIVE, None), (make.unknown, "#fff", "2 2"))
        for count, fill, dash in parts:
            if not count:
                continue
            height = scale(0) - scale(count)
            y -= height
            drawing.box(
                x - half, y, 2 * half, height, tip, fill=fill, stroke=INK, stroke_width=0.7, stroke_dasharray=dash
            )
            if few and height >= 13:
                drawing.text(x, y + height / 2 + 4, str(count), 10.5, text_anchor="middle")
            elif few and fill == POSITIVE:
                drawing.text(x + half + 2, y + height / 2 + 3, str(count), 9, fill=INK)
    drawing.line(columns.left, _TOP + _PLOT, columns.right, _TOP + _PLOT, stroke_width=1.2)
    columns.write(drawing, _TOP + _PLOT, [INK] * len(makes))
    title = f"Make-up of the nodes, {makes[0].scenario}, {makes[0].target}"
    return drawing.finish(ident, title, "; ".join(f"{make.node}: {_counts(make)}" for make in makes) + ".")


def _key(drawing: Drawing, left: float, unknown: bool) -> None:
    entries = [("positive", POSITIVE, None), ("negative", NEGATIVE, None), ("label unknown", "#fff", "2 2")]
    for index, (words, fill, dash) in enumerate(entries[: 3 if unknown else 2]):
        x = left + 78 * index
        drawing.box(x, 21, 10, 10, fill=fill, stroke=INK, stroke_width=0.7, stroke_dasharray=dash)
        drawing.text(x + 14, 30, words, 11, fill=SOFT)


def _counts(make: NodeMake) -> str:
    said = f"{make.positive} positive, {make.negative} negative"
    return said + (f", {make.unknown} of unknown label" if make.unknown else "")
