"""A study as one HTML page that holds all it shows, runs no script and asks no network for anything."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from models.evaluation.report import style_sheet
from models.evaluation.wording import number
from pipelines.errors import InputError
from pipelines.files import write_text
from pipelines.page import content_policy, page_templates
from wsi_swarm.study.report.answers import MANY_SCENARIOS, answers, metric_name, question
from wsi_swarm.study.report.figures import FIGURE_METRICS, group_figures, scenario_figures
from wsi_swarm.study.report.frame import METRICS, SHOWN, checked, panels_of
from wsi_swarm.study.report.real_nodes import identical, in_words, shown_root
from wsi_swarm.study.report.tables import metric_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from wsi_swarm.study.types import NodeMake, RealNodes, Told, Verdict

_TEMPLATES = Path(__file__).parent / "templates"
_KINDS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}
_OPEN_LINES = 13


def write_report(
    folder: Path,
    told: Told,
    rows: pd.DataFrame,
    verdicts: Sequence[Verdict],
    makes: Sequence[NodeMake],
    real: Sequence[RealNodes],
) -> Path:
    """Write ``study.html`` and return its path.

    Parameters
    ----------
    folder
        Of the study; pictures of ``told.galleries`` lie in it.
    told
        What the reader must know beside the numbers.
    rows
        The results table.
    verdicts
        What came out, in words.
    makes
        The nodes' make-up.
    real
        What was repeated with real processes.

    Raises
    ------
    InputError
        If the table is empty or faulty, or a picture is missing.
    """
    path = folder / "study.html"
    write_text(path, report_html(told, rows, verdicts, makes, real, pictures(folder, told.galleries)))
    return path


def report_html(
    told: Told,
    rows: pd.DataFrame,
    verdicts: Sequence[Verdict],
    makes: Sequence[NodeMake],
    real: Sequence[RealNodes],
    galleries: Mapping[str, str],
) -> str:
    """Return the page as text; ``galleries`` are data URIs by arm."""
    panels = panels_of(checked(rows))
    scenarios = tuple(dict.fromkeys(panel.scenario for panel in panels))
    css = style_sheet() + (_TEMPLATES / "study.css").read_text("utf-8")
    environment = page_templates(_TEMPLATES)
    environment.filters |= {
        "number": number,
        "question": question,
        "metric_name": metric_name,
        "root": shown_root,
    }
    environment.tests["identical"] = identical
    return environment.get_template("study.html.j2").render(
        csp=content_policy([css]),
        css=Markup(css),  # noqa: S704 (the project's own two files; all else is escaped)
        told=told,
        scenarios=scenarios,
        contents=len(scenarios) >= MANY_SCENARIOS,
        answers=answers(verdicts),
        shown=scenario_figures(panels, makes, verdicts),
        groups=group_figures(panels),
        metric_names=[SHOWN[metric] for metric in METRICS],
        figure_metrics=FIGURE_METRICS,
        tables={name: [metric_table(panel) for panel in panels if panel.scenario == name] for name in scenarios},
        open_lines=_OPEN_LINES,
        real=real,
        real_words=in_words(real),
        galleries=galleries,
        took=duration(told.seconds),
    )


def pictures(folder: Path, galleries: Mapping[str, str]) -> dict[str, str]:
    """Return each picture as a data URI.

    Raises
    ------
    InputError
        If one is missing, lies outside the study's folder or is neither PNG nor JPEG.
    """
    found = {}
    for arm, name in galleries.items():
        path = folder / name
        kind = _KINDS.get(path.suffix.lower())
        if kind is None or not path.resolve().is_relative_to(folder.resolve()):
            msg = f"the gallery of {arm}, {name}, must be a PNG or JPEG within the study's folder; make it again there"
            raise InputError(msg)
        try:
            data = path.read_bytes()
        except OSError as error:
            msg = f"the gallery of {arm}, {name}, cannot be read ({error.strerror}); make the galleries again"
            raise InputError(msg) from error
        found[arm] = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return found


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
