"""One picture that explains itself: title, panels, colour bar with numbers, scale bar, provenance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from heatmaps.drawing.colours import AGAINST_RGB, FOR_RGB, HIGH_RGB, Scale, colour
from heatmaps.drawing.render import encode_png

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from heatmaps.drawing.scalebar import ScaleBar

_DPI = 100
_MARGIN, _GAP, _HEADER, _FOOTER, _BAR = 30, 24, 100, 112, 250
"""Pixels at scale 1: around everything, between panels, above and below them, and the colour bar's column."""
_LEAST_WIDTH, _LEAST_HEIGHT = 640, 470
_FRAME_GREY = 153
_SCALE_FROM_PX, _LARGEST_SCALE = 1100, 1.8
"""Words grow with the picture, so that they stay legible when it is shrunk to a page or a screen."""


@dataclass(frozen=True)
class Panel:
    """A picture (H, W, 3 uint8) and the words above it."""

    picture: NDArray[np.uint8]
    caption: str


@dataclass(frozen=True)
class Legend:
    """The words of a figure.

    Attributes
    ----------
    title, subtitle : str
    notes : tuple of str
        Lines at the foot.
    ends : tuple of str
        Words at the upper and the lower end of the colour bar.
    numbers : str
        Words below it: what the numbers are and where the colours end.
    """

    title: str
    subtitle: str
    notes: tuple[str, ...]
    ends: tuple[str, str]
    numbers: str


def nice_ticks(clip: float) -> list[float]:
    """Return round values within the scale, symmetric about 0, ends not included."""
    power = 10.0 ** math.floor(math.log10(clip))
    step = next(factor * power for factor in (5, 2, 1, 0.5, 0.2) if factor * power <= clip / 1.8)
    count = math.floor(clip * 0.93 / step)
    return [step * index for index in range(-count, count + 1)]


def ticks_of(scale: Scale) -> list[float]:
    """Return round values on a colour scale: symmetric about 0, or from 0 on."""
    if scale.signed:
        return nice_ticks(scale.clip)
    return [tick for tick in MaxNLocator(5).tick_values(0.0, scale.clip).tolist() if 0 <= tick <= scale.clip]


def draw(panels: Sequence[Panel], legend: Legend, scale: Scale, bar: ScaleBar) -> bytes:
    """Return the figure as PNG bytes; the same input always gives the same bytes.

    Panels have one size and are drawn pixel by pixel, without resampling. ``bar`` is in their pixels.
    """
    return encode_png(sheet_pixels(panels, legend, scale, bar))


def sheet_pixels(
    panels: Sequence[Panel], legend: Legend, scale: Scale, bar: ScaleBar, words: float | None = None
) -> NDArray[np.uint8]:
    """Return the figure as pixels, (H, W, 3); see ``draw``. ``words`` is the size of its words, by default its own."""
    return _Sheet(panels, legend, scale, bar, words).pixels()


def word_size(count: int, width: int) -> float:
    """Return the size of the words of a figure with so many panels of this width in px."""
    return min(max(count * width / _SCALE_FROM_PX, 1.0), _LARGEST_SCALE)


class _Sheet:
    """Places everything in pixels from the top left."""

    def __init__(
        self, panels: Sequence[Panel], legend: Legend, scale: Scale, bar: ScaleBar, words: float | None = None
    ) -> None:
        self.panels, self.legend, self.scale, self.bar = panels, legend, scale, bar
        self.picture_height, self.picture_width = panels[0].picture.shape[:2]
        count = len(panels)
        self.k = word_size(count, self.picture_width) if words is None else words
        k = self.k
        pictures_width = count * self.picture_width + (count - 1) * _GAP
        self.bar_left = _MARGIN + max(pictures_width, round(_LEAST_WIDTH * k)) + 26 * k
        self.row_height = max(self.picture_height, round(_LEAST_HEIGHT * k))
        self.top = round(_HEADER * k)
        self.width = round(self.bar_left + _BAR * k)
        self.height = round(self.top + self.row_height + _FOOTER * k)
        self.figure = Figure(figsize=(self.width / _DPI, self.height / _DPI), dpi=_DPI, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)

    def pixels(self) -> NDArray[np.uint8]:
        k, legend = self.k, self.legend
        self._words(_MARGIN, 20 * k, legend.title, 16, weight="bold")
        self._words(_MARGIN, 48 * k, legend.subtitle, 11)
        lefts = [_MARGIN + index * (self.picture_width + _GAP) for index in range(len(self.panels))]
        for left, panel in zip(lefts, self.panels, strict=True):
            self._words(left, self.top - 6 * k, panel.caption, 10, va="bottom")
        self._scale_bar()
        for line, note in enumerate(legend.notes):
            self._words(_MARGIN, self.top + self.row_height + (48 + 18 * line) * k, note, 8.5, color="#444444")
        self._colour_bar()
        self.canvas.draw()
        sheet = np.array(self.canvas.buffer_rgba())[..., :3]
        # Pasted and not drawn by matplotlib, which would resample; nor is savefig used, whose PNG encoder is slow.
        for left, panel in zip(lefts, self.panels, strict=True):
            bottom, right = self.top + self.picture_height, left + self.picture_width
            sheet[self.top - 1 : bottom + 1, left - 1 : right + 1] = _FRAME_GREY
            sheet[self.top : bottom, left:right] = panel.picture
        return sheet

    def _axes(self, left: float, top: float, width: float, height: float) -> Axes:
        box = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(box)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(color="#999999", linewidth=0.8)
        return axes

    def _words(self, x: float, y: float, words: str, size: float, **style: str) -> None:
        style = {"va": "top", "color": "#1b1b1b", **style}
        # A slide's name may hold a dollar sign, which is no formula here.
        self.figure.text(x / self.width, 1 - y / self.height, words, fontsize=size * self.k, parse_math=False, **style)

    def _scale_bar(self) -> None:
        k = self.k
        top = self.top + self.picture_height + 12 * k
        corner = (_MARGIN / self.width, 1 - (top + 8 * k) / self.height)
        size = (self.bar.length_px / self.width, 8 * k / self.height)
        self.figure.add_artist(Rectangle(corner, *size, color="black", linewidth=0, transform=self.figure.transFigure))
        self._words(_MARGIN + self.bar.length_px + 10 * k, top + 4 * k, self.bar.text, 11, va="center")

    def _colour_bar(self) -> None:
        k, left, clip, low = self.k, self.bar_left, self.scale.clip, self.scale.low
        top = self.top + 44 * k
        height = min(self.row_height - 210 * k, 420 * k)
        axes = self._axes(left, top, 28 * k, height)
        ramp = colour(np.linspace(clip, low, 256)[:, None], clip, self.scale.signed)
        axes.imshow(ramp, aspect="auto", extent=(0, 1, low, clip), interpolation="none")
        axes.yaxis.tick_right()
        ticks = ticks_of(self.scale)
        axes.set_yticks(ticks, [self._tick(tick) for tick in ticks], fontsize=9.5 * k)
        upper, lower = self.legend.ends
        over, under = (FOR_RGB, AGAINST_RGB) if self.scale.signed else (HIGH_RGB, HIGH_RGB)
        self._words(left, top - 8 * k, upper, 11, weight="bold", color=_hex(over), va="bottom")
        self._words(left, top + height + 8 * k, lower, 11, weight="bold", color=_hex(under))
        self._words(left, top + height + 58 * k, self.legend.numbers, 9, color="#333333")

    def _tick(self, value: float) -> str:
        if self.scale.signed:
            return signed_tick(value) if value else "0   neutral"
        return f"{value:.3g}"


def signed_tick(value: float) -> str:
    """Return a tick's text with sign, as short as its value allows."""
    return f"{value:+.3g}".replace("-", "−") if value else "0"


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)
