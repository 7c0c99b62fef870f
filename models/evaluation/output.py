"""An evaluation as a text table, a JSON file and ROC plots."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from models.evaluation.auroc import METHOD
from pipelines.files import replacing, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.evaluation.evaluate import Evaluation

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, which colour-blind readers tell apart."""

STYLES = ("-", "--", "-.", ":")


def as_table(evaluations: Sequence[Evaluation]) -> str:
    """Return the evaluations as aligned text, one line each, with a sentence where there is no AUROC."""
    header = ("predictions", "target", "positive", "AUROC", "95 % interval", "pos/neg", "no label", "no prediction")
    rows = [header]
    notes = [f"interval: {METHOD}"]
    for e in evaluations:
        area, interval = ("-", "-")
        if e.auroc is not None:
            area, interval = f"{e.auroc.value:.3f}", f"{e.auroc.low:.3f} to {e.auroc.high:.3f}"
        else:
            notes.append(f"{e.name}, {e.target}: {e.reason}")
        sizes = f"{int((e.labels == 1).sum())}/{int((e.labels == 0).sum())}"
        rows.append((e.name, e.target, e.positive, area, interval, sizes, str(e.unlabelled), str(e.unpredicted)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, *notes]) + "\n"


def write_evaluation(folder: Path, evaluations: Sequence[Evaluation]) -> None:
    """Write ``metrics.json`` and, for each target that has an AUROC, ``roc_<target>.png`` into ``folder``."""
    write_json(folder / "metrics.json", [evaluation.to_json() for evaluation in evaluations])
    for target in dict.fromkeys(evaluation.target for evaluation in evaluations):
        chosen = [e for e in evaluations if e.target == target and e.auroc is not None]
        if chosen:
            plot_roc(folder / f"roc_{re.sub(r'[^0-9A-Za-z-]+', '_', target)}.png", chosen)


def plot_roc(path: Path, evaluations: Sequence[Evaluation]) -> None:
    """Draw the ROC curve of each evaluation, all of one target and all with an AUROC, as a PNG."""
    figure = Figure(figsize=(5.2, 5.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.75", linewidth=1)
    for index, evaluation in enumerate(evaluations):
        false_positive, sensitivity, _ = roc_curve(evaluation.labels, evaluation.scores, drop_intermediate=False)
        area = evaluation.auroc
        axes.plot(
            false_positive,
            sensitivity,
            color=COLOURS[index % len(COLOURS)],
            linestyle=STYLES[index % len(STYLES)],
            linewidth=1.8,
            label=f"{evaluation.name}: {area.value:.3f} ({area.low:.3f} to {area.high:.3f}), "
            f"{area.n_pos} positive, {area.n_neg} negative",
        )
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set_xlabel("1 - specificity")
    axes.set_ylabel("sensitivity")
    first = evaluations[0]
    axes.set_title(f"{first.target}, positive: {first.positive}", fontsize=11)
    axes.legend(
        title="AUROC (95 % interval), patients",
        fontsize=7,
        title_fontsize=8,
        loc="upper left",
        bbox_to_anchor=(0.0, -0.14),
        borderaxespad=0.0,
        frameon=False,
    )
    with replacing(path) as aside:
        figure.savefig(aside, format="png", dpi=150, metadata={"Software": None})
