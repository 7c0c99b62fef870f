"""An examination as text, as JSON and as one HTML page."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.cohorts.finding import Severity
from pipelines.page import page_templates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.cohorts.check import CentreSummary, Examination
    from models.cohorts.finding import Finding
    from models.cohorts.shortcuts import Shortcut

FORMAT = "wsi-swarm validate 1"
_SHOWN = 4
_TEMPLATES = Path(__file__).parent / "templates"
_MEANING = {
    Severity.ERROR: "Training refuses these, or would learn or measure something false.",
    Severity.WARNING: "Training would go on without the data, or somebody has to judge.",
    Severity.NOTE: "Good to know.",
}


def verdict(examination: Examination) -> str:
    """Say in one line what was found."""
    counts = [(severity, examination.count(severity)) for severity in Severity]
    found = ", ".join(f"{count} {severity}{'s' * (count != 1)}" for severity, count in counts if count)
    return found or "nothing found"


def as_json(examination: Examination) -> dict[str, Any]:
    """Return the examination as plain values."""
    return {
        "format": FORMAT,
        "counts": {str(severity): examination.count(severity) for severity in Severity},
        "centres": [_centre(centre) for centre in examination.centres],
        "findings": [
            {
                "severity": str(finding.severity),
                "kind": finding.kind,
                "file": str(finding.file),
                "row": finding.row,
                "column": finding.column,
                "what": finding.what,
                "remedy": finding.remedy,
            }
            for finding in examination.findings
        ],
        "shortcuts": [_shortcut(shortcut) for shortcut in examination.shortcuts],
    }


def as_text(examination: Examination) -> str:
    """Return tables of the centres and shortcuts, and the findings by kind, the first few of each."""
    lines = ["COHORT", *_table(_centre_rows(examination.centres)), ""]
    if examination.shortcuts:
        lines += ["WHAT COULD BETRAY THE LABEL, BY PATIENT", *_table(_shortcut_rows(examination.shortcuts)), ""]
    lines.append(f"FINDINGS: {verdict(examination)}")
    for (severity, kind, _), group in _groups(examination.findings):
        number, mixed = f" ({len(group)})" if len(group) > 1 else "", len({finding.file for finding in group}) > 1
        lines += ["", f"{severity.upper()}  {kind}{number}{'' if mixed else f' in {group[0].file}'}"]
        cells = [finding.where if mixed else finding.cell for finding in group]
        lines += [f"  {cell}{': ' * bool(cell)}{f.what}" for cell, f in zip(cells, group[:_SHOWN], strict=False)]
        if len(group) > _SHOWN:
            lines.append(f"  ... and {len(group) - _SHOWN} more, which --json and --html list")
        lines += [f"  -> {remedy}" for remedy in list(dict.fromkeys(f.remedy for f in group))[:_SHOWN]]
    return "\n".join(lines) + "\n"


def as_html(examination: Examination, software: str) -> str:
    """Return one self-contained page."""
    from markupsafe import Markup

    environment = page_templates(_TEMPLATES)
    css = (_TEMPLATES / "validate.css").read_text("utf-8")
    return environment.get_template("validate.html.j2").render(
        css=Markup(css),  # noqa: S704 (the project's own file)
        software=software,
        verdict=verdict(examination),
        severities=[(str(s), examination.count(s), _MEANING[s], _by_severity(examination, s)) for s in Severity],
        centres=_centre_rows(examination.centres),
        shortcuts=[_drawn(shortcut) for shortcut in examination.shortcuts],
    )


def _by_severity(examination: Examination, severity: Severity) -> list[dict[str, Any]]:
    return [
        {
            "kind": kind,
            "findings": group,
            "rows": any(finding.row is not None for finding in group),
            "columns": any(finding.column is not None for finding in group),
            "remedies": list(dict.fromkeys(finding.remedy for finding in group)),
        }
        for (one, kind, _), group in _groups(examination.findings)
        if one is severity
    ]


def _groups(findings: Sequence[Finding]) -> list[tuple[tuple[Severity, str, str], list[Finding]]]:
    def key(finding: Finding) -> tuple[Severity, str, str]:
        return finding.severity, finding.kind, "" if finding.kind == "mixed features" else str(finding.file)

    return [(name, list(group)) for name, group in groupby(findings, key)]


def _centre(centre: CentreSummary) -> dict[str, Any]:
    return {
        "clini": str(centre.clini),
        "test": centre.test,
        "patients_in_clinical_table": centre.in_clini,
        "patients_in_slide_table": centre.in_slides,
        "patients_usable": centre.usable,
        "slides": centre.slides,
        "feature_files": centre.files,
        "tiles": centre.tiles,
        "labels": centre.labels,
    }


def _shortcut(shortcut: Shortcut) -> dict[str, Any]:
    area = shortcut.auroc
    return {
        "target": shortcut.target,
        "label": shortcut.label,
        "measure": shortcut.measure.name,
        "auroc": area.value,
        "low": area.low,
        "high": area.high,
        "confidence": area.confidence,
        "method": area.method,
        "n_with_label": area.n_pos,
        "n_without": area.n_neg,
        "direction": shortcut.direction or None,
        "suspicious": shortcut.suspicious,
        "sentence": shortcut.sentence,
    }


def _centre_rows(centres: Sequence[CentreSummary]) -> list[list[str]]:
    rows = [
        [
            "clinical table",
            "patients there",
            "in the slide table",
            "usable",
            "slides",
            "feature files",
            "tiles",
            "labels",
        ]
    ]
    for centre in centres:
        labels = "; ".join(
            f"{target}: {', '.join(f'{count} {label}' for label, count in sorted(by_label.items())) or 'none'}"
            for target, by_label in centre.labels.items()
        )
        numbers = (centre.in_slides, centre.usable, centre.slides, centre.files, centre.tiles)
        shown = [str(number) if number or at == 1 else "-" for at, number in enumerate(numbers)]
        rows.append([f"{centre.clini}{' (test)' if centre.test else ''}", str(centre.in_clini), *shown, labels])
    return rows


def _shortcut_rows(shortcuts: Sequence[Shortcut]) -> list[list[str]]:
    rows = [["target", "label", "measure", "AUROC", "95 % interval", "patients", ""]]
    for shortcut in shortcuts:
        area = shortcut.auroc
        rows.append(
            [
                shortcut.target,
                shortcut.label,
                shortcut.measure.name,
                f"{area.value:.2f}",
                f"{area.low:.2f} to {area.high:.2f}",
                f"{area.n_pos} / {area.n_neg}",
                _judgement(shortcut),
            ]
        )
    return rows


def _judgement(shortcut: Shortcut) -> str:
    if not shortcut.suspicious:
        return "no evidence"
    return "biology or stain?" if shortcut.measure.may_be_biology else "shortcut"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _drawn(shortcut: Shortcut) -> dict[str, Any]:
    """Add what the page draws: positions in per cent of an axis from 0 to 1."""
    area = shortcut.auroc
    return {
        **_shortcut(shortcut),
        "judgement": _judgement(shortcut),
        "at": round(100 * area.value, 1),
        "from_": round(100 * area.low, 1),
        "width": round(100 * (area.high - area.low), 1),
    }
