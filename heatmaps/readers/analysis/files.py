"""An analysis as files: one table each as CSV, everything as JSON, figures as SVG, and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heatmaps.readers.analysis.figures.draw import draw, worth_drawing
from heatmaps.readers.analysis.report import report_html
from heatmaps.readers.analysis.terms import Word
from heatmaps.readers.analysis.words import Words
from heatmaps.readers.statistics.measures import Absent, Interval, Measure, Test
from models.evaluation.estimates import Proportion
from models.evaluation.sheets import csv_text
from pipelines.files import write_json, write_text

if TYPE_CHECKING:
    from pathlib import Path

    from heatmaps.readers.analysis.found import Analysis, Cell, Sheet
    from heatmaps.readers.analysis.words import Language

SCHEMA = "wsi-swarm-reader-analysis/1"


def write_analysis(folder: Path, analysis: Analysis, document: dict[str, Any], language: Language) -> list[Path]:
    """Write everything into ``folder``; return the files, the report first.

    Tables and JSON are in English whatever the language, so that one script reads them all.
    """
    words = Words(language)
    files = {"report.html": report_html(analysis, document["software"], words)}
    for section in analysis.sections:
        files |= {f"{sheet.name}.csv": sheet_csv(sheet) for sheet in section.sheets if sheet.rows}
        files |= {f"figures/{f.name}.svg": str(draw(f, words)) + "\n" for f in section.figures if worth_drawing(f)}
    files |= analysis.files
    for name, text in files.items():
        write_text(folder / name, text)
    # Another analysis may have written here before: what is of this one stands in its list.
    write_json(folder / "analysis.json", document | {"files": sorted(files)})
    return [folder / name for name in (*files, "analysis.json")]


def as_document(analysis: Analysis, software: str) -> dict[str, Any]:
    """Return the analysis as one JSON document."""
    words = Words("en")
    return {
        "schema": SCHEMA,
        "software": software,
        "template": analysis.template,
        "table": analysis.table,
        "options": analysis.options,
        "findings": [words.sentence(said) for said in analysis.findings],
        "sections": [
            {
                "name": section.name,
                "said": [words.sentence(said) for said in section.said],
                "tables": {sheet.name: _records(sheet) for sheet in section.sheets},
            }
            for section in analysis.sections
        ],
    }


def sheet_csv(sheet: Sheet) -> str:
    """Return a table as CSV: a value with an interval takes four columns, a test two."""
    kinds = [_kind([row[i] for row in sheet.rows]) for i in range(len(sheet.columns))]
    heads: list[str] = []
    for column, kind in zip(sheet.columns, kinds, strict=True):
        ends = {"plain": ("",), "measure": ("", "_low", "_high", "_note"), "test": ("", "_note")}[kind]
        heads += [column.name + end for end in ends]
    rows = [[cell for value, kind in zip(row, kinds, strict=True) for cell in _flat(value, kind)] for row in sheet.rows]
    return csv_text(heads, rows)


def _kind(cells: list[Cell]) -> str:
    if any(isinstance(cell, Measure | Proportion) for cell in cells):
        return "measure"
    return "test" if any(isinstance(cell, Test | Absent) for cell in cells) else "plain"


def _flat(cell: Cell, kind: str) -> list[Any]:
    empty = {"plain": 0, "measure": 3, "test": 1}[kind]
    if isinstance(cell, Absent):
        return ["", *[""] * (empty - 1), cell.reason]
    if isinstance(cell, Test):
        return [cell.p, _test(cell)]
    if isinstance(cell, Proportion):
        return [cell.value, cell.low, cell.high, f"{cell.count} of {cell.total}, exact"]
    if isinstance(cell, Measure):
        if isinstance(cell.interval, Absent):
            return [cell.value, "", "", "; ".join(filter(None, (cell.interval.reason, cell.note)))]
        note = "; ".join(filter(None, (cell.interval.method, cell.note)))
        return [cell.value, cell.interval.low, cell.interval.high, note]
    plain = cell.key if isinstance(cell, Word) else "" if cell is None else cell
    return [plain, *[""] * empty]


def _test(test: Test) -> str:
    statistic = "" if test.statistic is None else f", statistic {test.statistic:.6g}"
    df = f", df {', '.join(f'{one:.6g}' for one in test.df)}" if test.df else ""
    return f"{test.name}{statistic}{df}"


def _records(sheet: Sheet) -> list[dict[str, Any]]:
    names = [column.name for column in sheet.columns]
    return [{name: _json(cell) for name, cell in zip(names, row, strict=True)} for row in sheet.rows]


def _json(cell: Cell) -> Any:
    if isinstance(cell, Absent):
        return {"value": None, "why": cell.reason}
    if isinstance(cell, Test):
        return {"test": cell.name, "statistic": cell.statistic, "df": list(cell.df), "p": cell.p}
    if isinstance(cell, Proportion):
        return {"value": cell.value, "low": cell.low, "high": cell.high, "count": cell.count, "total": cell.total}
    if isinstance(cell, Measure):
        ends = cell.interval
        told = (
            {"low": ends.low, "high": ends.high, "interval": ends.method}
            if isinstance(ends, Interval)
            else {"low": None, "high": None, "why": ends.reason}
        )
        return {"value": cell.value, **told, "items": cell.items, "readers": cell.readers, "note": cell.note}
    return cell.key if isinstance(cell, Word) else cell
