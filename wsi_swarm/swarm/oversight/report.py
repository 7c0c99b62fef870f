"""The audit report: one HTML file in German and English, for people who decide about data and read no logs.

It holds all that it shows, has no script, and asks no network for anything.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from markupsafe import Markup

from pipelines.page import content_policy, page_templates
from wsi_swarm.swarm.oversight.wording import bytes_text, span_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TEMPLATES = Path(__file__).parent / "templates"
_COLOURS = ("#1c5a99", "#b3521e", "#2e7d4f", "#7a3e9d", "#8a6d00", "#a31427", "#00788a", "#555555")
_CHART = {"width": 860, "height": 240, "left": 52, "right": 150, "top": 12, "bottom": 30}

Language = Literal["de", "en"]


def report_html(data: Mapping[str, Any], language: Language = "de") -> str:
    """Return the report as HTML text; ``language`` is the one that is shown first."""
    environment = page_templates(_TEMPLATES)
    for name, shown in _FILTERS.items():
        environment.filters[name] = shown  # pyright: ignore[reportUnknownMemberType]  # jinja2's own annotation
    css = (_TEMPLATES / "audit.css").read_text("utf-8")
    return environment.get_template("audit.html.j2").render(
        **data,
        language=language,
        css=Markup(css),  # noqa: S704 (the project's own file; all that came from elsewhere is escaped)
        csp=content_policy([css], pictures=False),
        chart=_chart(data["losses"]),
    )


def _both(german: str, english: str) -> Markup:
    if german == english:
        return Markup("{}").format(english)
    return Markup('<span lang="de">{}</span><span lang="en">{}</span>').format(german, english)


def _bytes(count: float) -> Markup:
    text = bytes_text(count)
    return _both(text.replace(".", ","), text)


def _number(value: float, digits: int = 0) -> Markup:
    text = f"{value:,.{digits}f}"
    return _both(text.translate(str.maketrans(",.", ".,")), text)


def _percent(share: float) -> Markup:
    text = f"{100 * share:.1f}"
    return _both(text.replace(".", ",") + " %", text + " %")


def _time(seconds: float | None) -> str:
    """Return a time of the chain; a dash where it is not known."""
    return "–" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


_FILTERS = {"bytes": _bytes, "time": _time, "span": span_text, "number": _number, "percent": _percent}


def _chart(losses: Mapping[str, Sequence[tuple[int, float]]]) -> dict[str, Any] | None:
    """Return the lines of the chart of training losses, None if there is nothing to draw."""
    points = [point for series in losses.values() for point in series]
    if len({round_ for round_, _ in points}) < 2:
        return None
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(0.0, *(y for _, y in points)), max(y for _, y in points) * 1.05 or 1.0
    wide = _CHART["width"] - _CHART["left"] - _CHART["right"]
    tall = _CHART["height"] - _CHART["top"] - _CHART["bottom"]

    def place(x: float, y: float) -> tuple[float, float]:
        right = _CHART["left"] + wide * (x - first) / (last - first)
        return round(right, 1), round(_CHART["top"] + tall * (high - y) / (high - low), 1)

    lines: list[dict[str, Any]] = []
    for number, (name, series) in enumerate(sorted(losses.items())):
        placed = [place(x, y) for x, y in series]
        lines.append(
            {
                "name": name,
                "colour": _COLOURS[number % len(_COLOURS)],
                "dash": "" if number < len(_COLOURS) else "6 3",
                "points": " ".join(f"{x},{y}" for x, y in placed),
                "end": placed[-1],
            }
        )
    _spread(lines)
    step = (high - low) / 4
    return {
        **_CHART,
        "lines": lines,
        "ticks": [(f"{low + step * n:.3g}", place(first, low + step * n)[1]) for n in range(5)],
        "first": first,
        "last": last,
        "right_end": _CHART["width"] - _CHART["right"],
        "base": _CHART["height"] - _CHART["bottom"],
    }


def _spread(lines: list[dict[str, Any]], apart: float = 15.0) -> None:
    """Give each line's label a height of its own."""
    low = float("-inf")
    for line in sorted(lines, key=lambda one: one["end"][1]):
        line["label_y"] = max(line["end"][1], low + apart)
        low = line["label_y"]
