"""ROC curves: a small panel per reader, and one of the readers' average."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.analysis.figures.looks import ACCENT, LINE, SECOND, SOFT, TEXT
from pipelines.svg import INK, Drawing, Scale, shortened

if TYPE_CHECKING:
    from markupsafe import Markup

    from heatmaps.readers.analysis.figures.kinds import Roc
    from heatmaps.readers.analysis.words import Words

_WIDTH, _ACROSS, _SIDE, _LEFT, _TOP = 760.0, 4, 146.0, 42.0, 44.0
_STEP_X, _STEP_Y = _SIDE + 38.0, _SIDE + 56.0
LOOKS = ((ACCENT, ""), (SECOND, "6 4"))
"""Colour and dashes of each modality, so that they differ without colour too."""


def draw_roc(roc: Roc, words: Words) -> Markup:
    """Return the panels."""
    lines = -(-len(roc.panels) // _ACROSS)
    drawing = Drawing(_WIDTH, _TOP + _STEP_Y * lines + 24, TEXT)
    x = _LEFT
    for modality, (colour, dashes) in zip(roc.modalities, LOOKS, strict=False):
        drawing.line(x, 16, x + 34, 16, stroke=colour, stroke_width=2.4, stroke_dasharray=dashes or "none")
        drawing.text(x + 42, 21, words.name(modality))
        x += 200
    for i, (label, curves) in enumerate(roc.panels):
        left, top = _LEFT + _STEP_X * (i % _ACROSS), _TOP + _STEP_Y * (i // _ACROSS) + 18
        across, up = Scale(0.0, 1.0, left, left + _SIDE), Scale(0.0, 1.0, top + _SIDE, top)
        drawing.text(left, top - 7, shortened(words.name(label), 20), font_weight=600)
        drawing.add("rect", x=left, y=top, width=_SIDE, height=_SIDE, fill="none", stroke=SOFT)
        drawing.line(left, top + _SIDE, left + _SIDE, top, stroke=LINE)
        for tick in (0.0, 0.5, 1.0):
            drawing.text(across(tick), top + _SIDE + 15, words.tick(tick, "number"), 11, text_anchor="middle", fill=INK)
            if i % _ACROSS == 0:
                drawing.text(left - 6, up(tick) + 4, words.tick(tick, "number"), 11, text_anchor="end", fill=INK)
        for corners, (colour, dashes) in zip(curves, LOOKS, strict=False):
            drawn = tuple((across(x), up(y)) for x, y in corners)
            drawing.path(drawn, stroke=colour, stroke_width=2, stroke_dasharray=dashes or "none")
    drawing.text(_LEFT, _TOP + _STEP_Y * lines + 14, words.figure(roc.name, "axis"), 12)
    return drawing.finish(f"figure-{roc.name}", words.figure(roc.name, "title"), words.page("same_numbers"))
