"""Markers of arms on a drawing, and positions that keep apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.svg import plain

if TYPE_CHECKING:
    from pipelines.svg import Drawing
    from wsi_swarm.study.report.looks import Look


def mark(drawing: Drawing, x: float, y: float, radius: float, look: Look, tip: str = "", **attributes: Any) -> None:
    """Add an arm's marker."""
    fill = look.colour if look.filled else "#fff"
    paint: dict[str, Any] = {"fill": fill, "stroke": "#fff" if look.filled else look.colour, **attributes}
    r = radius
    if look.marker == "circle":
        drawing.add("circle", tip=tip, cx=x, cy=y, r=r, **paint)
    elif look.marker == "square":
        drawing.box(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r, tip, **paint)
    else:
        corners = {
            "triangle": ((0, -1.2 * r), (1.15 * r, 0.9 * r), (-1.15 * r, 0.9 * r)),
            "diamond": ((0, -1.3 * r), (1.3 * r, 0), (0, 1.3 * r), (-1.3 * r, 0)),
        }[look.marker]
        points = " ".join(f"{plain(x + dx)},{plain(y + dy)}" for dx, dy in corners)
        drawing.add("polygon", tip=tip, points=points, **paint)


def spread(wanted: list[float], gap: float, low: float, high: float) -> list[float]:
    """Move positions apart until they are ``gap`` from each other, from low to high, in their order."""
    order = sorted(range(len(wanted)), key=lambda index: (wanted[index], index))
    placed = [0.0] * len(wanted)
    below = low - gap
    for index in order:
        below = placed[index] = max(wanted[index], below + gap)
    above = high + gap
    for index in reversed(order):
        above = placed[index] = min(placed[index], above - gap)
    return placed
