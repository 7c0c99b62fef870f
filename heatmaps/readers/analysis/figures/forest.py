"""Forest plots: a row per value, its interval as a line, the numbers beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.analysis.figures.looks import ACCENT, LINE, SOFT, TEXT
from heatmaps.readers.statistics.measures import Absent, Interval, Measure
from pipelines.svg import INK, Drawing, Scale, shortened, text_width

if TYPE_CHECKING:
    from markupsafe import Markup

    from heatmaps.readers.analysis.figures.kinds import Forest
    from heatmaps.readers.analysis.words import Words

_WIDTH, _ROW, _TOP = 760.0, 28.0, 10.0
_LABEL_LETTERS = 42


def draw_forest(forest: Forest, words: Words) -> Markup:
    """Return a forest plot; a value without an interval is hollow, one that is absent is a dash."""
    labels = [shortened(words.name(label), _LABEL_LETTERS) for label, _, _ in forest.rows]
    numbers = [words.cell(value, forest.unit) for _, value, _ in forest.rows]
    bold = [summary for _, _, summary in forest.rows]
    left = max([text_width(w, TEXT, b) for w, b in zip(labels, bold, strict=True)], default=0.0) + 18
    right = max([text_width(w, TEXT, b) for w, b in zip(numbers, bold, strict=True)], default=0.0) + 18
    low, high = _ends(forest)
    scale = Scale(low, high, left, _WIDTH - right)
    bottom = _TOP + _ROW * len(forest.rows)
    drawing = Drawing(_WIDTH, bottom + 50, TEXT)
    for tick in scale.ticks():
        drawing.line(scale(tick), _TOP, scale(tick), bottom, stroke=LINE)
        drawing.text(scale(tick), bottom + 18, words.tick(tick, forest.unit), 12, text_anchor="middle", fill=SOFT)
    if forest.line is not None:
        drawing.line(scale(forest.line), _TOP, scale(forest.line), bottom, stroke=INK, stroke_width=1.5)
    for i, (_, value, summary) in enumerate(forest.rows):
        y = _TOP + _ROW * (i + 0.5)
        weight = {"font_weight": 600} if summary else {}
        drawing.text(left - 14, y + 4.5, labels[i], text_anchor="end", **weight)
        drawing.text(_WIDTH - right + 14, y + 4.5, numbers[i], **weight)
        if isinstance(value, Measure):
            _row(drawing, scale, y, value, summary)
    axis = words.figure(forest.name, "axis")
    drawing.text((scale.start + scale.end) / 2, bottom + 40, axis, 12, text_anchor="middle")
    return drawing.finish(f"figure-{forest.name}", words.figure(forest.name, "title"), words.page("same_numbers"))


def _row(drawing: Drawing, scale: Scale, y: float, value: Measure, summary: bool) -> None:
    x = scale(value.value)
    interval = value.interval
    if isinstance(interval, Interval):
        ends = (scale(interval.low), scale(interval.high))
        drawing.line(ends[0], y, ends[1], y, stroke=ACCENT, stroke_width=2.2)
        for end, at in zip((interval.low, interval.high), ends, strict=True):
            # An end beyond the axis is an arrow, not a bar.
            beyond = end < scale.low or end > scale.high
            drawing.line(at, y - 4, at, y + 4, stroke=ACCENT, stroke_width=0 if beyond else 2.2)
            if beyond:
                step = 6 if end < scale.low else -6
                drawing.path(((at + step, y - 5), (at, y), (at + step, y + 5)), stroke=ACCENT, stroke_width=2.2)
    if summary:
        drawing.path(((x - 7, y), (x, y - 7), (x + 7, y), (x, y + 7), (x - 7, y)), fill=ACCENT, stroke=ACCENT)
    else:
        fill = ACCENT if isinstance(interval, Interval) else "#fff"
        drawing.add("rect", x=x - 5, y=y - 5, width=10, height=10, fill=fill, stroke=ACCENT, stroke_width=1.6)


def _ends(forest: Forest) -> tuple[float, float]:
    if forest.ends:
        return forest.ends
    found = [] if forest.line is None else [forest.line]
    for _, value, _ in forest.rows:
        if isinstance(value, Absent):
            continue
        found.append(value.value)
        if isinstance(value.interval, Interval):
            found += [value.interval.low, value.interval.high]
    low, high = min(found, default=0.0), max(found, default=1.0)
    pad = 0.06 * (high - low) or 0.5
    return low - pad, high + pad
