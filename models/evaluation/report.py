"""The report: one HTML file that holds all it shows and asks no network for anything."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from models.evaluation import wording
from models.evaluation.decision_curve import SHOWN, useful_range
from models.evaluation.estimates import MIN_PER_CLASS, Absent
from models.evaluation.figures import figure_name
from models.evaluation.tripod import TO_COMPLETE, checklist
from pipelines.page import content_policy, page_templates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.evaluation.evaluate import Evaluation
    from models.evaluation.figures import Plot
    from models.evaluation.provenance import Provenance

_TEMPLATES = Path(__file__).parent / "templates"


def style_sheet() -> str:
    """Return the look of this report, which other reports begin theirs with."""
    return (_TEMPLATES / "evaluation.css").read_text("utf-8")


def report_html(evaluation: Evaluation, provenance: Provenance, figures: Mapping[str, Plot]) -> str:
    """Return the report as HTML text.

    Parameters
    ----------
    evaluation
        Its numbers.
    provenance
        Files and software.
    figures
        The plots by name, as ``figures_of`` names them.
    """
    environment = page_templates(_TEMPLATES)
    words = (
        "number",
        "signed",
        "interval",
        "estimate",
        "percent",
        "share",
        "p_value",
        "headline",
        "compared",
        "sentences",
    )
    environment.filters |= {name: getattr(wording, name) for name in words}
    environment.filters["sha"] = lambda text: text[:16]
    environment.tests["absent"] = lambda value: isinstance(value, Absent)
    css = style_sheet()
    items = checklist(evaluation, provenance)

    def figure(kind: str, target: str, model: str = "", column: str = "") -> Markup:
        plot = figures.get(figure_name(kind, target, model, column))
        if plot is None:
            return Markup("")
        uri = "data:image/svg+xml;base64," + base64.b64encode(plot.svg.encode()).decode()
        return Markup('<img src="{}" alt="{}">').format(uri, plot.alt)

    return environment.get_template("evaluation.html.j2").render(
        csp=content_policy([css]),
        # The project's own file; names from tables are escaped.
        css=Markup(css),  # noqa: S704
        evaluation=evaluation,
        request=evaluation.request,
        provenance=provenance,
        figure=figure,
        shown=SHOWN,
        useful_range=useful_range,
        minimum=MIN_PER_CLASS,
        items=items,
        answered=sum(item.answer is not None for item in items),
        to_complete=TO_COMPLETE,
    )
