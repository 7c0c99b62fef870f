"""An evaluation in a folder: report, numbers, tables, plots; and as text for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.evaluation.estimates import Absent
from models.evaluation.figures import figures_of
from models.evaluation.numbers import plain, rows, to_json
from models.evaluation.patient_preds import patient_predictions
from models.evaluation.report import report_html
from models.evaluation.sheets import csv_text, sheets
from models.evaluation.tripod import checklist
from models.evaluation.wording import compared, interval, number, sentences, share
from pipelines.files import write_json, write_text

if TYPE_CHECKING:
    from pathlib import Path

    from models.evaluation.evaluate import Evaluation
    from models.evaluation.provenance import Provenance


def as_text(evaluation: Evaluation) -> str:
    """Return the evaluation as aligned text, one line per table and target, and then everything else in sentences."""
    header = ("predictions", "target", "positive", "AUROC", "95 % interval", "pos/neg", "no label", "no prediction")
    table = [header]
    notes: list[str] = []
    for a in evaluation.assessments:
        scored, flow = a.scored, a.scored.flow
        area, ends, said = "-", "-", f"{scored.name}, {scored.target.name}"
        if not isinstance(a.discrimination, Absent):
            d = a.discrimination.headline
            area, ends = number(d.value), interval(d.low, d.high)
            notes.append(f"{said}: interval by {d.method}")
        sizes = f"{flow.analysed_pos}/{flow.analysed_neg}"
        unlabelled = flow.predicted_without_label + flow.predicted_unknown
        table.append(
            (
                scored.name,
                scored.target.name,
                scored.target.positive,
                area,
                ends,
                sizes,
                str(unlabelled),
                str(flow.unpredicted),
            )
        )
        if not isinstance(a.points, Absent):
            notes += [
                f"{said}: at {p.locked.threshold:.4g}, locked for {100 * p.locked.wanted:g} % sensitivity: sensitivity "
                f"{share(p.sensitivity)}, specificity {share(p.specificity)}, ruled out {share(p.rule_out)}"
                for p in a.points
            ]
        notes += [f"{said}: {sentence}" for sentence in sentences(a)]
    for target, comparisons in evaluation.comparisons.items():
        found = [comparisons.reason] if isinstance(comparisons, Absent) else [compared(c) for c in comparisons]
        notes += [f"{target}: {sentence}" for sentence in found]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    return "\n".join([*lines, *dict.fromkeys(notes)]) + "\n"


def write_evaluation(folder: Path, evaluation: Evaluation, provenance: Provenance) -> list[Path]:
    """Write everything into ``folder`` and return the files, the report first."""
    entries = to_json(evaluation)
    figures = figures_of(evaluation)
    files: dict[str, str] = {"report.html": report_html(evaluation, provenance, figures)}
    for name, table in patient_predictions(evaluation).items():
        files[name] = csv_text(table[0], table[1:])
    files["numbers.csv"] = csv_text(("predictions", "target", "number", "value"), rows(entries))
    files |= sheets(evaluation)
    items = checklist(evaluation, provenance)
    files["tripod_ai.csv"] = csv_text(
        ("item", "topic", "asks for", "answer"),
        ((i.number, i.topic, i.asks, i.answer or "to be completed") for i in items),
    )
    files |= {f"{name}.svg": figure.svg for name, figure in figures.items()}
    for name, text in files.items():
        write_text(folder / name, text)
    write_json(folder / "metrics.json", entries)
    write_json(folder / "provenance.json", plain(provenance))
    return [folder / name for name in (*files, "metrics.json", "provenance.json")]
