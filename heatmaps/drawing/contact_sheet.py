"""All shown tiles of one target on one sheet, with their names, numbers, places and a scale bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from heatmaps.drawing.render import encode_png

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from heatmaps.drawing.scalebar import ScaleBar

_DPI = 100
_PICTURE, _GAP, _MARGIN, _PER_ROW = 320, 16, 30, 6
_HEADER, _HEADING, _WORDS, _FOOTER, _NOTE = 92, 44, 46, 76, 20
_LEAST_WIDTH = 1000
_EMPTY, _INK, _PALE = 238, "#1b1b1b", "#444444"


@dataclass(frozen=True)
class Cell:
    """A picture (320, 320, 3 uint8; None where the slide cannot be read), its name and a line of words."""

    picture: NDArray[np.uint8] | None
    name: str
    words: str


@dataclass(frozen=True)
class Group:
    """Cells that belong together under a heading, with what stands there if there is none."""

    heading: str
    colour: str
    cells: Sequence[Cell]
    none: str


def contact_sheet(title: str, subtitle: str, groups: Sequence[Group], notes: Sequence[str], bar: ScaleBar) -> bytes:
    """Return the sheet as PNG bytes; the same input always gives the same bytes. ``bar`` is in the pictures' px."""
    columns = min(_PER_ROW, max((len(group.cells) for group in groups), default=1) or 1)
    width = max(2 * _MARGIN + columns * (_PICTURE + _GAP) - _GAP, _LEAST_WIDTH)
    row_height = _PICTURE + _WORDS
    tops, height = [], _HEADER
    for group in groups:
        tops.append(height)
        height += _HEADING + max(-(-len(group.cells) // columns), 0) * row_height + (0 if group.cells else _WORDS)
    foot = height
    height += _FOOTER + _NOTE * len(notes)
    sheet = _Sheet(width, height)
    sheet.words(_MARGIN, 22, title, 17, weight="bold")
    sheet.words(_MARGIN, 54, subtitle, 11)
    for group, top in zip(groups, tops, strict=True):
        sheet.words(_MARGIN, top + 12, group.heading, 13, weight="bold", color=group.colour)
        if not group.cells:
            sheet.words(_MARGIN, top + _HEADING, group.none, 11)
        for number, cell in enumerate(group.cells):
            row, column = divmod(number, columns)
            sheet.cell(_MARGIN + column * (_PICTURE + _GAP), top + _HEADING + row * row_height, cell)
    sheet.block(_MARGIN, foot + 12, round(bar.length_px), 8)
    sheet.words(_MARGIN + bar.length_px + 12, foot + 16, f"{bar.text}, all pictures", 11, va="center")
    for line, note in enumerate(notes):
        sheet.words(_MARGIN, foot + 44 + line * _NOTE, note, 9, color=_PALE)
    return sheet.png()


class _Sheet:
    """Collects words and blocks in pixels from the top left."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self.blocks: list[tuple[int, int, NDArray[np.uint8]]] = []

    def words(self, x: float, y: float, words: str, size: float, **style: str) -> None:
        style = {"va": "top", "color": _INK, **style}
        self.figure.text(x / self.width, 1 - y / self.height, words, fontsize=size, parse_math=False, **style)

    def block(self, x: int, y: int, width: int, height: int, grey: int = 0) -> None:
        self.blocks.append((x, y, np.full((height, width, 3), grey, np.uint8)))

    def cell(self, x: int, y: int, cell: Cell) -> None:
        if cell.picture is None:
            self.block(x, y, _PICTURE, _PICTURE, _EMPTY)
        else:
            self.blocks.append((x, y, cell.picture))
        self.words(x, y + _PICTURE + 8, cell.name, 12, weight="bold")
        self.words(x + 40, y + _PICTURE + 9, cell.words, 9.5, color=_PALE)

    def png(self) -> bytes:
        self.canvas.draw()
        sheet = np.array(self.canvas.buffer_rgba())[..., :3]
        for x, y, picture in self.blocks:
            sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
        return encode_png(sheet)
