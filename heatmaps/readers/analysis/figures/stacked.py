"""Bars of equal length, divided among answers, with each part's share in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.analysis.figures.looks import TEXT
from pipelines.svg import INK, Drawing, shortened, text_width

if TYPE_CHECKING:
    from markupsafe import Markup

    from heatmaps.readers.analysis.figures.kinds import Stacked
    from heatmaps.readers.analysis.words import Words

_WIDTH, _ROW, _BAR, _TOP = 760.0, 36.0, 26.0, 44.0
STEPS = (("#f1eef6", INK), ("#bdc9e1", INK), ("#74a9cf", INK), ("#2b6ea8", "#fff"), ("#08306b", "#fff"))
"""One hue that darkens with the step, and the ink that can be read on it (at least 4.5 to 1)."""

SIDES = (("#0b5394", "#fff"), ("#e4e4e0", INK), ("#b34700", "#fff"))


def draw_stacked(stacked: Stacked, words: Words) -> Markup:
    """Return the bars; a part too narrow for its per cent has none, the table beside it does."""
    looks = STEPS if stacked.ordered else SIDES
    labels = [shortened(label, 36) for label, _ in stacked.rows]
    totals = [f"n = {sum(counts)}" for _, counts in stacked.rows]
    left = max([text_width(label, TEXT) for label in labels], default=0.0) + 16
    right = max([text_width(total, TEXT) for total in totals], default=0.0) + 16
    drawing = Drawing(_WIDTH, _TOP + _ROW * len(stacked.rows) + 4, TEXT)
    x = left
    for category, (fill, _) in zip(stacked.categories, looks, strict=True):
        drawing.add("rect", x=x, y=8, width=16, height=16, fill=fill, stroke=INK, stroke_width=0.8)
        name = words.name(category)
        drawing.text(x + 22, 21, name)
        x += 22 + text_width(name, TEXT) + 22
    ends = words.figure(stacked.name, "ends")
    if ends:
        drawing.text(x, 21, ends, 12)
    for i, (_, counts) in enumerate(stacked.rows):
        y = _TOP + _ROW * i
        drawing.text(left - 12, y + 18, labels[i], text_anchor="end")
        drawing.text(_WIDTH - right + 12, y + 18, totals[i])
        x, full = left, _WIDTH - right - left
        for count, (fill, ink) in zip(counts, looks, strict=True):
            width = full * count / max(sum(counts), 1)
            if not count:
                continue
            drawing.add("rect", x=x, y=y, width=width, height=_BAR, fill=fill, stroke="#fff", stroke_width=1)
            told = words.tick(count / sum(counts), "share")
            if text_width(told, TEXT) + 6 < width:
                drawing.text(x + width / 2, y + 18, told, text_anchor="middle", fill=ink)
            x += width
        drawing.add("rect", x=left, y=y, width=full, height=_BAR, fill="none", stroke=INK, stroke_width=0.8)
    return drawing.finish(f"figure-{stacked.name}", words.figure(stacked.name, "title"), words.page("same_numbers"))
