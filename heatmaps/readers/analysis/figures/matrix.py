"""Shares as a table of shaded cells, with the per cent in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.analysis.figures.looks import TEXT
from pipelines.svg import Drawing, shortened, text_width

if TYPE_CHECKING:
    from markupsafe import Markup

    from heatmaps.readers.analysis.figures.kinds import Matrix
    from heatmaps.readers.analysis.words import Words

_WIDTH, _ROW, _TOP = 760.0, 30.0, 30.0
_PALE, _DARK = (247, 250, 253), (11, 58, 110)
_WHITE_FROM = 0.68
"""Share from which on words are white: black ones have a contrast of at least 4.5 to 1 below it, white ones above."""


def draw_matrix(matrix: Matrix, words: Words) -> Markup:
    """Return the cells, darker for higher shares from 0 to 1."""
    labels = [shortened(label, 30) for label in matrix.rows]
    left = max([text_width(label, TEXT) for label in labels], default=0.0) + 14
    width = min((_WIDTH - left) / max(len(matrix.columns), 1), 150.0)
    letters = max(int(width / text_width("n", 12)), 3)
    drawing = Drawing(_WIDTH, _TOP + _ROW * len(labels) + 4, TEXT)
    for j, column in enumerate(matrix.columns):
        middle = left + width * (j + 0.5)
        drawing.text(middle, _TOP - 10, shortened(column, letters), 12, text_anchor="middle", font_weight=600)
    for i, shares in enumerate(matrix.shares):
        y = _TOP + _ROW * i
        drawing.text(left - 12, y + 20, labels[i], text_anchor="end")
        for j, share in enumerate(shares):
            x = left + width * j
            told = words.tick(share, "share") if share is not None else "–"
            fill, ink = _look(share or 0.0)
            drawing.add("rect", x=x + 1, y=y + 1, width=width - 2, height=_ROW - 2, fill=fill)
            drawing.text(x + width / 2, y + 20, told, text_anchor="middle", fill=ink)
    return drawing.finish(f"figure-{matrix.name}", words.figure(matrix.name, "title"), words.page("same_numbers"))


def _look(share: float) -> tuple[str, str]:
    mixed = (round(pale + (dark - pale) * share) for pale, dark in zip(_PALE, _DARK, strict=True))
    return "#{:02x}{:02x}{:02x}".format(*mixed), "#fff" if share >= _WHITE_FROM else "#000"
