"""The report: one HTML file that holds all it shows and asks no network for anything."""

from __future__ import annotations

from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from heatmaps.readers.analysis.figures.draw import draw, worth_drawing
from heatmaps.readers.statistics.measures import Absent, Measure
from pipelines.page import content_policy, page_templates

if TYPE_CHECKING:
    from heatmaps.readers.analysis.found import Analysis, Cell, Section, Sheet
    from heatmaps.readers.analysis.words import Words

_TEMPLATES = Path(__file__).parent / "templates"


def report_html(analysis: Analysis, software: str, words: Words) -> str:
    """Return the report as HTML text in the words' language."""
    css = (_TEMPLATES / "analysis.css").read_text("utf-8")
    return (
        page_templates(_TEMPLATES)
        .get_template("analysis.html.j2")
        .render(
            csp=content_policy([css], pictures=False),
            # The project's own file; names from tables are escaped.
            css=Markup(css),  # noqa: S704
            language=words.language,
            say=words.page,
            template=words.page(analysis.template),
            software=software,
            table=analysis.table,
            options=_options(analysis, words),
            findings=[(about, _kept_together(found)) for about, found in map(words.finding, analysis.findings)],
            sections=[_section(section, words) for section in analysis.sections],
        )
    )


def _kept_together(text: str) -> str:
    """Return a sentence that isn't broken within its p values."""
    return text.replace("p < ", "p\u00a0<\u00a0").replace("p = ", "p\u00a0=\u00a0")


def _options(analysis: Analysis, words: Words) -> list[tuple[str, str]]:
    shown = {
        "tile-plausibility": ("seed", "leave_out", "features", "arms"),
        "heatmap-preference": ("seed", "leave_out"),
        "ai-assistance": ("seed", "leave_out", "covariances", "threshold", "ai_threshold"),
    }[analysis.template]
    told = []
    for name in shown:
        value = analysis.options[name]
        text = (
            ", ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)
        )
        told.append((words.page(f"option_{name}"), text or words.page("none")))
    return told


def _section(section: Section, words: Words) -> dict[str, Any]:
    return {
        "id": section.name,
        **words.section(section.name),
        "said": [(words.sentence(said), said.caution) for said in section.said],
        "figures": [
            {"title": words.figure(f.name, "title"), "note": words.figure(f.name, "note"), "svg": draw(f, words)}
            for f in section.figures
            if worth_drawing(f)
        ],
        "sheets": [_table(sheet, words) for sheet in section.sheets if sheet.rows],
    }


def _table(sheet: Sheet, words: Words) -> dict[str, Any]:
    """Return a table's texts; reasons stand below it, each once, with a letter in the cells that they explain."""
    reasons: dict[str, str] = {}

    def mark(cell: Cell) -> str:
        absent = cell.interval if isinstance(cell, Measure) else cell
        if not isinstance(absent, Absent):
            return ""
        why = words.reason(absent)
        return reasons.setdefault(why, ascii_lowercase[len(reasons) % 26] * (1 + len(reasons) // 26))

    rows = [
        [
            {"text": words.cell(cell, column.unit), "mark": mark(cell), "number": column.unit != "text"}
            for cell, column in zip(row, sheet.columns, strict=True)
        ]
        for row in sheet.rows
    ]
    heads = [{"text": words.column(column.name), "number": column.unit != "text"} for column in sheet.columns]
    told = {"note": "", **words.sheet(sheet.name)}
    return {
        **told,
        "file": f"{sheet.name}.csv",
        "heads": heads,
        "rows": rows,
        "reasons": [(letter, why) for why, letter in reasons.items()],
        "folded": sheet.minor or len(rows) > 24,
    }
