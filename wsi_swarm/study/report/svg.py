"""SVG pictures as text: words stay words, everything is escaped, the same calls give the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib.ticker
from markupsafe import Markup, escape

from wsi_swarm.study.report.looks import INK, Look

_LETTER = 0.56
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
        """Return the pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Return round values within the scale."""
        found = matplotlib.ticker.MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(self.low, self.high)
        slack = 1e-9 * (self.high - self.low)
        return [float(round(tick, 9)) for tick in found if self.low - slack <= tick <= self.high + slack]


class Drawing:
    """One picture, filled element by element."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._elements: list[str] = []

    def add(self, tag: str, words: str = "", tip: str = "", **attributes: Any) -> None:
        """Add an element; ``tip`` is shown when the mouse rests on it; underscores of attributes become dashes."""
        given = "".join(
            f' {name.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
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

    def text(self, x: float, y: float, words: str, size: float = 12, **attributes: Any) -> None:
        """Add words that begin at x (or end, with ``text_anchor="end"``) on the base line y."""
        self.add("text", words, x=x, y=y, font_size=size, **{"fill": INK, **attributes})

    def mark(self, x: float, y: float, radius: float, look: Look, tip: str = "", **attributes: Any) -> None:
        """Add an arm's marker."""
        fill = look.colour if look.filled else "#fff"
        paint: dict[str, Any] = {"fill": fill, "stroke": "#fff" if look.filled else look.colour, **attributes}
        r = radius
        if look.marker == "circle":
            self.add("circle", tip=tip, cx=x, cy=y, r=r, **paint)
        elif look.marker == "square":
            self.box(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r, tip, **paint)
        else:
            corners = {
                "triangle": ((0, -1.2 * r), (1.15 * r, 0.9 * r), (-1.15 * r, 0.9 * r)),
                "diamond": ((0, -1.3 * r), (1.3 * r, 0), (0, 1.3 * r), (-1.3 * r, 0)),
            }[look.marker]
            points = " ".join(f"{_plain(x + dx)},{_plain(y + dy)}" for dx, dy in corners)
            self.add("polygon", tip=tip, points=points, **paint)

    def finish(self, ident: str, title: str, description: str) -> Markup:
        """Return the picture with its name and the words for those who can't see it; ``ident`` is new in the page."""
        fits = Markup(' class="fits"') if self.width <= _SHRINKS else ""
        head = Markup(
            '<svg{fits} viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-labelledby="{i}-t {i}-d">'
            '<title id="{i}-t">{t}</title><desc id="{i}-d">{d}</desc>'
        ).format(fits=fits, w=_plain(self.width), h=_plain(self.height), i=ident, t=title, d=description)
        # Every part was escaped when it was added.
        return head + Markup("\n".join(self._elements)) + Markup("</svg>")  # noqa: S704


def text_width(words: str, size: float = 12) -> float:
    """Estimate how wide words are, in pixels."""
    return _LETTER * size * len(words)


def shortened(words: str, most: int) -> str:
    """Return words of at most ``most`` letters; what is cut stands as an ellipsis."""
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def spread(wanted: list[float], gap: float, low: float, high: float) -> list[float]:
    """Move positions apart until they are ``gap`` from each other, from low to high, in their order."""
    order = sorted(range(len(wanted)), key=lambda index: (wanted[index], index))
    placed = [0.0] * len(wanted)
    below = low - gap
    for index in order:
        below = placed[index] = max(wanted[index], below + gap)
    above = high + gap
    for index in reversed(order):
        above = placed[index] = min(placed[index], above - gap)
    return placed


def _plain(value: object) -> str:
    return f"{round(value, 2):g}" if isinstance(value, float) else str(value)
