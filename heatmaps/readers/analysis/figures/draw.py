"""One door for all kinds of figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.analysis.figures.forest import draw_forest
from heatmaps.readers.analysis.figures.kinds import Figure, Forest, Matrix, Stacked
from heatmaps.readers.analysis.figures.matrix import draw_matrix
from heatmaps.readers.analysis.figures.roc import draw_roc
from heatmaps.readers.analysis.figures.stacked import draw_stacked
from heatmaps.readers.statistics.measures import Measure

if TYPE_CHECKING:
    from markupsafe import Markup

    from heatmaps.readers.analysis.words import Words


def draw(figure: Figure, words: Words) -> Markup:
    """Return a figure as SVG in the words' language."""
    if isinstance(figure, Forest):
        return draw_forest(figure, words)
    if isinstance(figure, Matrix):
        return draw_matrix(figure, words)
    return draw_stacked(figure, words) if isinstance(figure, Stacked) else draw_roc(figure, words)


def worth_drawing(figure: Figure) -> bool:
    """Tell whether a figure would show anything but its frame."""
    if isinstance(figure, Forest):
        return any(isinstance(value, Measure) for _, value, _ in figure.rows)
    if isinstance(figure, Stacked):
        return any(sum(counts) for _, counts in figure.rows)
    return bool(figure.rows if isinstance(figure, Matrix) else figure.panels)
