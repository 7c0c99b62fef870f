"""Columns with a name below each, shared by the figures that stand above one another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.svg import Scale, shortened, text_width
from wsi_swarm.study.report.looks import FAINT, SOFT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.svg import Drawing

_SIZE = 11.5
_LINE = 9
_TURN = -50
_LONGEST = 18


@dataclass(frozen=True)
class Columns:
    """Where columns lie and how their names are written.

    Attributes
    ----------
    names
        One for each column.
    width
        Of each column, in pixels.
    left
        Where the first begins.
    """

    names: tuple[str, ...]
    width: float
    left: float = 44.0

    @property
    def right(self) -> float:
        """Where the last one ends."""
        return self.left + self.width * len(self.names)

    @property
    def foot(self) -> float:
        """How high the names are."""
        if not self._turned:
            return 14.0 * max(len(_lines(name)) for name in self.names) + 8
        longest = max(text_width(shortened(name, _LONGEST), _SIZE) for name in self.names)
        return longest * math.sin(math.radians(-_TURN)) + 20

    def middle(self, index: int) -> float:
        """Return the middle of a column."""
        return self.left + self.width * (index + 0.5)

    def write(self, drawing: Drawing, base: float, colours: Sequence[str]) -> None:
        """Write the names below the line ``base``."""
        for index, (name, colour) in enumerate(zip(self.names, colours, strict=True)):
            x = self.middle(index)
            if self._turned:
                turn = f"rotate({_TURN} {x + 4:.1f} {base + 14:.1f})"
                words = shortened(name, _LONGEST)
                drawing.text(x + 4, base + 14, words, _SIZE, text_anchor="end", transform=turn, fill=colour)
                continue
            for row, words in enumerate(_lines(name)):
                drawing.text(x, base + 16 + 14 * row, words, _SIZE, text_anchor="middle", fill=colour)

    @property
    def _turned(self) -> bool:
        widest = max(text_width(part, _SIZE) for name in self.names for part in _lines(name))
        return widest > self.width - 2 or any(len(_lines(name)) > 2 for name in self.names)


def roomy(count: int) -> float:
    """Return how wide columns are, where the figure with the results has ``count`` of them."""
    return max(42.0, min(60.0, 380.0 / count))


def columns_for(names: Sequence[str], width: float) -> Columns:
    """Return columns whose turned names have room on the left too."""
    columns = Columns(tuple(names), width)
    reach = (columns.foot - 20) / math.tan(math.radians(-_TURN)) - width / 2
    return Columns(tuple(names), width, max(columns.left, math.ceil(reach + 6)))


def draw_scale(drawing: Drawing, scale: Scale, left: float, right: float, form: str = "{:g}") -> None:
    """Draw the values of an upright axis as faint lines with numbers on the left."""
    for tick in scale.ticks():
        y = scale(tick)
        drawing.line(left, y, right, y, stroke=FAINT, stroke_width=0.7)
        drawing.text(left - 6, y + 4, form.format(tick), 11, text_anchor="end", fill=SOFT)


def _lines(name: str) -> list[str]:
    lines: list[str] = []
    for word in name.split(" "):
        if lines and len(lines[-1]) + len(word) < _LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
