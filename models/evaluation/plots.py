"""Plots as SVG text: legible without colour, the same bytes for the same numbers."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from scipy.special import expit, logit
from sklearn.metrics import precision_recall_curve, roc_curve

from models.evaluation.discrimination import Discrimination
from models.evaluation.estimates import Absent, Estimate
from models.evaluation.forest import Pooled
from models.evaluation.wording import interval, number, signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from models.evaluation.calibration import Calibration
    from models.evaluation.comparison import Comparison
    from models.evaluation.evaluate import Assessment, Grouping

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, which colour-blind readers tell apart."""

STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#6b6b6b"
_SETTINGS = {
    "svg.hashsalt": "wsi-swarm",
    "svg.fonttype": "path",
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#4a4a4a",
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}


def roc_plot(assessments: Sequence[Assessment]) -> str:
    """Draw the ROC curve of each assessment with an AUROC, and its locked operating points."""
    with mpl.rc_context(_SETTINGS):
        figure, axes = _square()
        axes.plot([0, 1], [0, 1], color="0.75", linewidth=1)
        for index, (a, d) in enumerate(_drawn(assessments)):
            false_positive, sensitivity, _ = roc_curve(a.scored.labels, a.scored.scores, drop_intermediate=False)
            area = d.headline
            text = f"{a.scored.name}: {number(area.value)} ({interval(area.low, area.high)})"
            axes.plot(false_positive, sensitivity, label=text, **_line(index))
            for point in () if isinstance(a.points, Absent) else a.points:
                x, y = point.fp / (point.fp + point.tn), point.tp / (point.tp + point.fn)
                axes.plot(x, y, MARKERS[index % len(MARKERS)], color=COLOURS[index % len(COLOURS)], mec="white", ms=7)
        axes.set(xlabel="1 − specificity", ylabel="sensitivity", title="Receiver operating characteristic")
        _legend_below(axes, "AUROC (95 % interval)")
        return _svg(figure)


def precision_recall_plot(assessments: Sequence[Assessment]) -> str:
    """Draw precision against recall, and the prevalence, which a model that guesses reaches."""
    with mpl.rc_context(_SETTINGS):
        figure, axes = _square()
        for index, (a, d) in enumerate(_drawn(assessments)):
            precision, recall, _ = precision_recall_curve(a.scored.labels, a.scored.scores)
            text = a.scored.name
            if isinstance(d.auprc, Estimate):
                text += f": {number(d.auprc.value)} ({interval(d.auprc.low, d.auprc.high)})"
            axes.step(recall, precision, where="post", label=text, **_line(index))
            prevalence = d.prevalence.value
            axes.axhline(prevalence, color=COLOURS[index % len(COLOURS)], linewidth=0.8, alpha=0.6)
            if index == 0:
                axes.annotate(
                    f"prevalence {number(prevalence)}", (1, prevalence), ha="right", va="bottom", fontsize=8, color=GREY
                )
        axes.set(xlabel="recall (sensitivity)", ylabel="precision (PPV)", title="Precision and recall")
        _legend_below(axes, "AUPRC (95 % interval)")
        return _svg(figure)


def reliability_plot(assessment: Assessment, calibration: Calibration) -> str:
    """Draw observed against predicted in bins with exact intervals, the recalibration curve, and who lies where."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(4.6, 5.6), layout="constrained")
        axes, below = figure.subplots(2, 1, height_ratios=(4, 1), sharex=True)
        axes.plot([0, 1], [0, 1], color="0.75", linewidth=1, label="ideal")
        predicted = np.array([b.predicted for b in calibration.bins])
        observed = np.array([b.observed.value for b in calibration.bins])
        reach = np.array(
            [(b.observed.value - b.observed.low, b.observed.high - b.observed.value) for b in calibration.bins]
        )
        axes.errorbar(
            predicted,
            observed,
            yerr=reach.T,
            fmt="o",
            color=COLOURS[0],
            ms=4.5,
            capsize=2.5,
            lw=1,
            label=f"{len(predicted)} bins of equal size (exact 95 % interval)",
        )
        if calibration.curve is not None:
            grid = np.linspace(0.002, 0.998, 400)
            intercept, slope = calibration.curve
            axes.plot(
                grid, expit(intercept + slope * logit(grid)), color=COLOURS[1], lw=1.5, label="logistic recalibration"
            )
        axes.set(ylabel="observed share of positive patients", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        axes.set_title(f"Calibration: {assessment.scored.name}")
        axes.legend(loc="lower right")
        edges = np.linspace(0, 1, 26)
        labels, scores = assessment.scored.labels, assessment.scored.scores
        below.hist(scores[labels == 1], edges, color=COLOURS[1], label="positive")
        counts, _ = np.histogram(scores[labels == 0], edges)
        below.bar(edges[:-1], -counts, np.diff(edges), align="edge", color=COLOURS[0], label="negative")
        below.axhline(0, color="#4a4a4a", lw=0.8)
        below.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
        below.set(xlabel="predicted probability", ylabel="patients")
        below.legend(loc="upper right", ncols=2, fontsize=7.5)
        return _svg(figure)


def decision_plot(assessments: Sequence[Assessment]) -> str:
    """Draw net benefit against the threshold for each model, for testing everybody and for testing nobody."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(6.6, 3.9), layout="constrained")
        axes = figure.subplots()
        top = 0.0
        for index, a in enumerate(assessments):
            if isinstance(a.curve, Absent):
                continue
            x = [100 * point.threshold for point in a.curve]
            if top == 0.0:
                axes.plot(
                    x, [point.everybody for point in a.curve], color=GREY, lw=1.2, ls="--", label="test everybody"
                )
                axes.axhline(0, color=GREY, lw=1.2, label="test nobody")
            axes.plot(x, [point.model for point in a.curve], label=a.scored.name, **_line(index))
            top = max(top, *(point.model for point in a.curve), a.curve[0].everybody)
        axes.set(
            xlabel="probability from which on the confirmatory test is ordered (%)",
            ylabel="net benefit per patient",
            title="Decision curve",
            xlim=(0, 50),
            ylim=(-0.25 * top - 0.005, 1.1 * top + 0.005),
        )
        axes.legend()
        return _svg(figure)


def forest_plot(grouping: Grouping, title: str) -> str:
    """Draw one row per group with its patients and AUROC, then the random-effects mean and the prediction interval."""
    with mpl.rc_context(_SETTINGS):
        pooled = grouping.pooled if isinstance(grouping.pooled, Pooled) else None
        rows = len(grouping.members) + (2 if pooled else 0)
        figure = Figure(figsize=(7.4, 1.15 + 0.3 * rows), layout="constrained")
        axes = figure.subplots()
        largest = max([m.group.n_pos + m.group.n_neg for m in grouping.members], default=1)
        for row, member in enumerate(grouping.members):
            group, area = member.group, member.group.auroc
            axes.text(-0.02, row, f"{group.name}  ({group.n_pos} + {group.n_neg})", ha="right", **_beside(axes))
            if isinstance(area, Absent):
                axes.text(1.02, row, "too few patients", ha="left", color=GREY, **_beside(axes))
                continue
            size = 3.5 + 4.0 * ((group.n_pos + group.n_neg) / largest) ** 0.5
            axes.plot([area.low, area.high], [row, row], color=COLOURS[0], lw=1.4)
            axes.plot(area.value, row, "s", color=COLOURS[0], ms=size)
            axes.text(1.02, row, f"{number(area.value)} ({interval(area.low, area.high)})", ha="left", **_beside(axes))
        if pooled is not None:
            _pooled_rows(axes, pooled, len(grouping.members))
        ends = [m.group.auroc.low for m in grouping.members if isinstance(m.group.auroc, Estimate)]
        low = min([0.5, *ends, *([pooled.prediction[0]] if pooled else [])])
        axes.axvline(0.5, color="0.75", lw=1)
        axes.set(xlim=(max(0.0, low - 0.03), 1.0), ylim=(rows - 0.4, -0.6), yticks=[], xlabel="AUROC (95 % interval)")
        axes.set_title(title)
        axes.spines["left"].set_visible(False)
        return _svg(figure)


def difference_plot(comparisons: Sequence[Comparison], margin: float) -> str:
    """Draw each difference of AUROCs with its interval, and the margin of non-inferiority."""
    with mpl.rc_context(_SETTINGS):
        shown = [c for c in comparisons if isinstance(c.difference, Estimate)]
        figure = Figure(figsize=(7.4, 1.2 + 0.36 * len(shown)), layout="constrained")
        axes = figure.subplots()
        for row, c in enumerate(shown):
            if isinstance(c.difference, Estimate):
                d = c.difference
                axes.plot([d.low, d.high], [row, row], color=COLOURS[0], lw=1.4)
                axes.plot(d.value, row, "s", color=COLOURS[0], ms=6)
                axes.text(-0.02, row, f"{c.first} − {c.second}", ha="right", **_beside(axes))
                text = f"{signed(d.value)} ({signed(d.low)} to {signed(d.high)})"
                axes.text(1.02, row, text, ha="left", **_beside(axes))
        axes.axvline(0, color="0.6", lw=1)
        axes.axvline(-margin, color=COLOURS[1], lw=1.2, ls="--")
        axes.set_title(f"dashed: non-inferiority margin −{margin:g}", fontsize=9, color=COLOURS[1])
        axes.set(ylim=(len(shown) - 0.4, -0.6), yticks=[], xlabel="difference of AUROC (95 % interval)")
        axes.spines["left"].set_visible(False)
        return _svg(figure)


def _pooled_rows(axes: Axes, pooled: Pooled, row: int) -> None:
    mean, (first, last) = pooled.mean, pooled.prediction
    axes.fill(
        [mean.low, mean.value, mean.high, mean.value], [row, row - 0.28, row, row + 0.28], color=COLOURS[1], zorder=3
    )
    axes.text(-0.02, row, "random-effects mean", ha="right", weight="bold", **_beside(axes))
    axes.text(1.02, row, f"{number(mean.value)} ({interval(mean.low, mean.high)})", ha="left", **_beside(axes))
    axes.plot([first, last], [row + 1, row + 1], color=COLOURS[1], lw=4, solid_capstyle="butt", alpha=0.6)
    axes.text(-0.02, row + 1, "prediction interval", ha="right", weight="bold", **_beside(axes))
    axes.text(1.02, row + 1, f"({interval(first, last)})", ha="left", **_beside(axes))


def _beside(axes: Axes) -> dict[str, object]:
    return {"va": "center", "transform": axes.get_yaxis_transform(), "fontsize": 9, "clip_on": False}


def _drawn(assessments: Sequence[Assessment]) -> list[tuple[Assessment, Discrimination]]:
    return [(a, a.discrimination) for a in assessments if isinstance(a.discrimination, Discrimination)]


def _square() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.6, 5.0), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    return figure, axes


def _line(index: int) -> dict[str, object]:
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": STYLES[index % len(STYLES)], "linewidth": 1.8}


def _legend_below(axes: Axes, title: str) -> None:
    axes.legend(title=title, loc="upper left", bbox_to_anchor=(0.0, -0.13), borderaxespad=0.0, alignment="left")


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
