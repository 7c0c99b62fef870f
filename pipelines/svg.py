"""SVG pictures as text: words stay words, everything is escaped, the same calls give the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib.ticker
from markupsafe import Markup, escape

INK = "#1b1b1b"
FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_LETTER = 0.6
"""Mean width of a letter of a sans-serif font, in its size; ample for names in mixed case."""
_SHRINKS = 500
"""Pictures up to this width shrink to the page of a telephone and stay legible; wider ones are moved sideways."""


@dataclass(frozen=True)
class Scale:
    """Values ``low`` to ``high`` on pixels ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value, at the axis' end for what lies beyond."""
        inside = min(max(value, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Return round values on the axis."""
        found = matplotlib.ticker.MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high)
        slack = 1e-9 * (self.high - self.low)
        return [float(round(tick, 9)) for tick in found if self.low - slack <= tick <= self.high + slack]


class Drawing:
    """One picture, filled element by element; ``text_size`` is that of words for which no other is given."""

    def __init__(self, width: float, height: float, text_size: float = 12) -> None:
        self.width, self.height, self.text_size = width, height, text_size
        self._elements: list[str] = []

    def add(self, tag: str, words: str = "", tip: str = "", **attributes: Any) -> None:
        """Add an element; ``tip`` is shown when the mouse rests on it; underscores of attributes become dashes."""
        given = "".join(
            f' {name.rstrip("_").replace("_", "-")}="{escape(plain(value))}"'
            for name, value in attributes.items()
            if value not in (None, "")
        )
        inner = (f"<title>{escape(tip)}</title>" if tip else "") + str(escape(words))
        self._elements.append(f"<{tag}{given}>{inner}</{tag}>" if inner else f"<{tag}{given}/>")

    def line(self, x1: float, y1: float, x2: float, y2: float, **attributes: Any) -> None:
        """Add a straight line, in ink and one pixel wide unless told otherwise."""
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, **{"stroke": INK, **attributes})

    def box(self, x: float, y: float, width: float, height: float, tip: str = "", **attributes: Any) -> None:
        """Add a rectangle."""
        self.add("rect", tip=tip, x=x, y=y, width=width, height=height, **attributes)

    def path(self, corners: tuple[tuple[float, float], ...], **attributes: Any) -> None:
        """Add straight lines through corners."""
        told = "M" + "L".join(f"{plain(x)} {plain(y)}" for x, y in corners)
        self.add("path", d=told, **{"fill": "none", "stroke": INK, **attributes})

    def text(self, x: float, y: float, words: str, size: float | None = None, **attributes: Any) -> None:
        """Add words that begin at x (or end, with ``text_anchor="end"``) on the base line y."""
        self.add("text", words or " ", x=x, y=y, font_size=size or self.text_size, **{"fill": INK, **attributes})

    def finish(self, ident: str, title: str, description: str) -> Markup:
        """Return the picture, which can stand alone, with its name and the words for those who can't see it.

        ``ident`` is new in the page.
        """
        fits = Markup(' class="fits"') if self.width <= _SHRINKS else ""
        head = Markup(
            '<svg xmlns="http://www.w3.org/2000/svg"{fits} viewBox="0 0 {w} {h}" width="{w}" height="{h}" '
            'font-family="{f}" role="img" aria-labelledby="{i}-t {i}-d">'
            '<title id="{i}-t">{t}</title><desc id="{i}-d">{d}</desc>'
        ).format(fits=fits, w=plain(self.width), h=plain(self.height), f=FONT, i=ident, t=title, d=description)
        # Every part was escaped when it was added.
        return head + Markup("\n".join(self._elements)) + Markup("</svg>")  # noqa: S704


def text_width(words: str, size: float = 12, bold: bool = False) -> float:
    """Estimate how wide words are, in pixels, on the wide side."""
    return _LETTER * size * len(words) * (1.12 if bold else 1.0)


def shortened(words: str, most: int) -> str:
    """Return words of at most ``most`` letters; what is cut stands as an ellipsis."""
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def plain(value: object) -> str:
    """Return a number with two decimals at most, and anything else as it is."""
    return f"{round(value, 2):g}" if isinstance(value, float) else str(value)
