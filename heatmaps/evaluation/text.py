"""An evaluation as a table for people and as CSV."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

from heatmaps.evaluation.results import MEASURES

if TYPE_CHECKING:
    from heatmaps.evaluation.intervals import Mean
    from heatmaps.evaluation.results import Evaluation

_COLUMNS = {
    "deletion": "deletion",
    "insertion": "insertion",
    "gain": "relevance gain",
    "gain_over_random": "gain - random",
    "flips": "flips",
    "auroc": "AUROC",
    "pointing": "pointing",
    "top_percent": "top 1 %",
    "redrawn": "redrawn |rho|",
    "stability": "others rho",
    "top_overlap": "others top 1 %",
}
_WITHOUT_SLIDES = "-"


def table(found: Evaluation) -> str:
    """Return a table of means with 95 % intervals, and what its columns mean."""
    shown = [m for m in MEASURES if any(found.mean(name, m) is not None for name in found.names)]
    rows = [["method", *(_COLUMNS[m] for m in shown)]]
    rows += [[name, *(_cell(found.mean(name, measure)) for measure in shown)] for name in found.names]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    plan = found.plan
    units = "patients" if plan.by_patient else "slides"
    head = f"{plan.target}, {len(found.slides)} slides"
    if plan.by_patient:
        head += f" of {len({one.patient for one in found.slides})} patients"
    if found.wrong:
        head += f"; {len(found.wrong)} wrongly classified slides left out"
    if plan.annotations is not None:
        head += f"; {found.annotated} with a usable annotation"
    legend = [
        "deletion: mean probability of the predicted class while tiles go, most relevant first; lower is truer.",
        "insertion: the same while tiles come, most relevant first; higher is truer.",
        f"relevance gain: insertion less deletion; about 0 for a random order. In brackets: 95 % over {units}.",
    ]
    if "flips" in shown:
        legend.append("flips: share of slides whose prediction turns when all tiles that speak for it are gone.")
    if "auroc" in shown:
        legend.append(
            "AUROC, pointing, top 1 %: whether tiles inside the annotation have higher numbers; is the highest,"
        )
        legend.append("and which share of the highest 1 %, inside.")
    if "redrawn" in shown:
        legend.append("redrawn |rho|: likeness to heatmaps of the same network that learnt nothing; low is good.")
    if "stability" in shown:
        legend.append(
            "others: likeness to the other models' heatmaps, by rank and by overlap of the highest 1 %; 1 is alike."
        )
    return "\n".join([head, "", *lines, "", *legend])


def _cell(mean: Mean | None) -> str:
    if mean is None:
        return _WITHOUT_SLIDES
    if mean.low is None or mean.high is None:
        return f"{mean.value:.3f}"
    return f"{mean.value:.3f} [{mean.low:.3f}, {mean.high:.3f}]"


def slides_csv(found: Evaluation) -> str:
    """Return one row per slide and method; empty cells are what could not be told."""
    rows = [
        [one.slide, one.patient, str(one.tiles), repr(one.probability), one.explained, name]
        + ["" if math.isnan(v := numbers.get(m, math.nan)) else repr(float(v)) for m in MEASURES]
        for one in found.slides
        for name, numbers in one.numbers.items()
    ]
    return _csv([["slide", "patient", "tiles", "probability", "explained", "method", *MEASURES], *rows])


def curves_csv(found: Evaluation) -> str:
    """Return the mean curves, one row per percent of tiles taken away."""
    pairs = [(name, which) for name in found.names for which in ("most_first", "least_first")]
    curves = [found.curve(*pair) for pair in pairs]
    rows = [[str(step), *(f"{curve[step]:.6f}" for curve in curves)] for step in range(101)]
    return _csv([["percent_taken_away", *(f"{name}_{which}" for name, which in pairs)], *rows])


def _csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
