"""The page of a cohort: a table to sort and filter, a map of each slide, the distribution of probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from heatmaps.report.cohort_map import map_uri
from heatmaps.report.evaluated import evaluation_part, main_point
from heatmaps.report.numbers import Numbers
from pipelines.page import content_policy, page_templates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heatmaps.report.evaluated import Evaluated
    from heatmaps.report.words import Words

_TEMPLATES = Path(__file__).parent / "templates"
_BINS = 20
_WIDTH = 460
_LEFT, _RIGHT, _BASE = 40, 26, 112


@dataclass(frozen=True)
class TargetCell:
    """One target of one slide: probability, end of the colours, and the PNG with one pixel per tile."""

    target: str
    probability: float
    clip: float
    picture: bytes


@dataclass(frozen=True)
class SlideRow:
    """One slide: what the page calls it, its report if it may be linked, its tiles, and a cell per target."""

    name: str
    link: str | None
    tiles: int
    cells: Sequence[TargetCell]


@dataclass(frozen=True)
class CohortInput:
    """Everything that a cohort's page shows; ``labels`` and ``evaluated`` are in the order of the cells."""

    words: Words
    rows: Sequence[SlideRow]
    labels: Sequence[str]
    one_scale: bool
    models: int
    evaluated: Sequence[Evaluated]
    created: str
    software: str


def cohort_html(view: CohortInput) -> str:
    """Return the page as HTML text."""
    w, numbers = view.words, Numbers(view.words)
    names = ("report.css", "cohort.css", "cohort.js")
    base, own, js = ((_TEMPLATES / name).read_text("utf-8") for name in names)
    css = base + own
    points = [main_point(one) for one in view.evaluated] or [None] * len(view.labels)
    parts = [evaluation_part(w, one) for one in view.evaluated]
    return (
        page_templates(_TEMPLATES)
        .get_template("cohort.html.j2")
        .render(
            w=w,
            csp=content_policy([css], [js]),
            # The project's own files; anything that came from a slide or a model is escaped.
            css=Markup(css),  # noqa: S704
            js=Markup(js),  # noqa: S704
            n=numbers.count(len(view.rows)),
            created=view.created,
            software=view.software,
            labels=view.labels,
            models=view.models,
            one_scale=view.one_scale,
            calls=[_call_words(w, numbers, point) for point in points],
            evaluation=parts,
            rows=[_row(view, row, points, numbers) for row in view.rows],
            plots=[_plot(view, index, points[index], numbers) for index in range(len(view.labels))],
        )
    )


def _call_words(w: Words, numbers: Numbers, point: dict[str, Any] | None) -> str:
    if point is None:
        return ""
    threshold = numbers.short(point["threshold"], 4)
    return w("cohort.call", threshold=threshold, percent=f"{100 * point['wanted']:g} %")


def _row(view: CohortInput, row: SlideRow, points: Sequence[dict[str, Any] | None], numbers: Numbers) -> dict[str, Any]:
    cells = []
    for cell, label, point in zip(row.cells, view.labels, points, strict=True):
        called = None if point is None else cell.probability >= point["threshold"]
        cells.append(
            {
                "probability": numbers.percent(cell.probability),
                "value": repr(cell.probability),
                "called": called,
                "map": map_uri(cell.picture),
                "alt": view.words("cohort.map_alt", label=label, slide=row.name),
            }
        )
    return {"name": row.name, "link": row.link, "tiles": numbers.count(row.tiles), "count": row.tiles, "cells": cells}


def _plot(view: CohortInput, index: int, point: dict[str, Any] | None, numbers: Numbers) -> dict[str, Any]:
    values = np.array([row.cells[index].probability for row in view.rows])
    counts, edges = np.histogram(values, bins=_BINS, range=(0, 1))
    step, most = (_WIDTH - _LEFT - _RIGHT) / _BINS, int(counts.max())
    bars = [
        {
            "x": round(_LEFT + i * step + 1, 1),
            "y": round(_BASE - 92 * count / most, 1),
            "width": round(step - 2, 1),
            "height": round(92 * count / most, 1),
            "range": view.words("cohort.from_to", low=f"{100 * edges[i]:.0f}", high=f"{100 * edges[i + 1]:.0f}"),
            "count": numbers.count(int(count)),
        }
        for i, count in enumerate(counts)
        if count
    ]
    shares = ((values < 0.25).sum(), ((values >= 0.25) & (values <= 0.75)).sum(), (values > 0.75).sum())
    low, middle, high = (numbers.count(int(count)) for count in shares)
    label = view.labels[index]
    alt = view.words(
        "cohort.distribution_alt", label=label, n=numbers.count(len(values)), low=low, middle=middle, high=high
    )
    span = _WIDTH - _LEFT - _RIGHT
    return {
        "label": label,
        "alt": alt,
        "bars": bars,
        "most": numbers.count(most),
        "axis": view.words("cohort.distribution_axis", label=label),
        "ticks": [
            {"x": round(_LEFT + span * share, 1), "text": f"{100 * share:.0f} %"} for share in (0, 0.25, 0.5, 0.75, 1)
        ],
        "line": None if point is None else round(_LEFT + span * point["threshold"], 1),
    }
