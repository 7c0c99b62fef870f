"""The forest of differences: every verdict's difference with its interval, and the margin where there is one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from models.evaluation.wording import signed
from pipelines.svg import Drawing, Scale, shortened
from wsi_swarm.study.report.boxes import MANY
from wsi_swarm.study.report.frame import SHOWN
from wsi_swarm.study.report.looks import FAINT, SOFT, look_of
from wsi_swarm.study.report.marks import mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from wsi_swarm.study.types import Verdict

_HALO = {"paint_order": "stroke", "stroke": "#fff", "stroke_width": 4}
_LEFT, _PLOT, _ROW, _HEAD = 6.0, 484.0, 37.0, 18.0


def reach(verdicts: Sequence[Verdict]) -> tuple[float, float]:
    """Return the ends of the axis that all forests of a study share, so that they can be compared by eye."""
    ends = [0.0, *(-v.margin for v in verdicts), *(v.difference for v in verdicts if math.isfinite(v.difference))]
    ends += [end for v in verdicts for end in _interval(v)]
    room = 0.04 * (max(ends) - min(ends)) or 0.05
    return min(ends) - room, max(ends) + room


def forest(verdicts: Sequence[Verdict], ends: tuple[float, float], ident: str) -> Markup:
    """Draw the verdicts of one scenario; of many nodes the one nearest to each swarm and the one farthest.

    Words stand above each interval and not beside it, so that the picture is legible on a telephone.
    """
    blocks = _blocks(verdicts)
    base = _HEAD + sum(24 + _ROW * len(shown) + 18 * (left > 0) for _, shown, left in blocks)
    drawing = Drawing(_LEFT + _PLOT + 6, base + 38)
    scale = Scale(*ends, _LEFT, _LEFT + _PLOT)
    drawing.line(scale(0), _HEAD, scale(0), base, stroke=SOFT)
    for margin in sorted({v.margin for v in verdicts if v.question == "reaches"}):
        drawing.line(scale(-margin), _HEAD, scale(-margin), base, stroke=SOFT, stroke_dasharray="1 4")
        x = max(scale(-margin) - 2, _LEFT + 40)
        drawing.text(x, _HEAD - 5, f"margin −{margin:g}", 10.5, text_anchor="middle", fill=SOFT)
    y = _HEAD
    for title, shown, left in blocks:
        drawing.text(_LEFT, y + 15, title, 12, font_weight="bold", **_HALO)
        y += 24
        for verdict in shown:
            _row(drawing, verdict, scale, y)
            y += _ROW
        if left:
            drawing.text(_LEFT, y + 12, f"… and {left} nodes between", 11, fill=SOFT, **_HALO)
            y += 18
    drawing.line(_LEFT, base, _LEFT + _PLOT, base)
    for tick in scale.ticks():
        drawing.line(scale(tick), base, scale(tick), base + 5)
        x = min(max(scale(tick), _LEFT + 12), _LEFT + _PLOT - 14)
        drawing.text(x, base + 17, signed(tick, 2), 11, text_anchor="middle", fill=SOFT)
    drawing.text(_LEFT, base + 33, "← worse", 11.5)
    drawing.text(_LEFT + _PLOT, base + 33, "better →", 11.5, text_anchor="end")
    said = " ".join(verdict.words for _, shown, _ in blocks for verdict in shown)
    return drawing.finish(ident, f"Differences between models, {verdicts[0].scenario}", said)


def _blocks(verdicts: Sequence[Verdict]) -> list[tuple[str, list[Verdict], int]]:
    groups: dict[tuple[str, str, str, str, str], list[Verdict]] = {}
    for v in verdicts:
        groups.setdefault((v.learner, v.target, v.metric, v.arm, v.question), []).append(v)
    blocks: dict[str, tuple[list[Verdict], int]] = {}
    for (learner, target, metric, *_), group in groups.items():
        title = f"{SHOWN.get(metric, metric)}, {learner}, {target}"
        shown, left = group, 0
        if len(group) > MANY:
            ordered = sorted(group, key=lambda v: (math.isnan(v.difference), v.difference))
            shown, left = [ordered[0], ordered[-1]], len(group) - 2
        before, omitted = blocks.get(title, ([], 0))
        blocks[title] = ([*before, *shown], max(left, omitted))
    return [(title, shown, left) for title, (shown, left) in blocks.items()]


def _interval(verdict: Verdict) -> tuple[float, float] | tuple[()]:
    low, high = verdict.low, verdict.high
    if low is None or high is None or not all(map(math.isfinite, (verdict.difference, low, high))):
        return ()
    return low, high


def _row(drawing: Drawing, verdict: Verdict, scale: Scale, top: float) -> None:
    look, y = look_of(verdict.arm), top + 25
    drawing.line(_LEFT, top + _ROW, _LEFT + _PLOT, top + _ROW, stroke=FAINT, stroke_width=0.5)
    known = math.isfinite(verdict.difference)
    text = signed(verdict.difference) if known else "no value"
    ends = _interval(verdict)
    if ends:
        low, high = (scale(end) for end in ends)
        drawing.line(low, y, high, y, stroke=look.colour, stroke_width=1.6)
        for x in (low, high):
            drawing.line(x, y - 3.5, x, y + 3.5, stroke=look.colour, stroke_width=1.6)
        text += f" ({signed(ends[0])} to {signed(ends[1])})"
    elif known:
        text += " (no interval)"
    if verdict.question == "reaches":
        x = scale(-verdict.margin)
        drawing.line(x, y - 7, x, y + 8, stroke=look.colour, stroke_width=2.2, stroke_dasharray="4 2")
    if known:
        mark(drawing, scale(verdict.difference), y, 4.6, look, verdict.words, stroke_width=1)
    name = shortened(f"{verdict.arm} − {verdict.against}", 42)
    drawing.text(_LEFT, top + 13, name, 11.5, fill=look.words, **_HALO)
    drawing.text(_LEFT + _PLOT, top + 13, text, 11.5, text_anchor="end", **_HALO)
