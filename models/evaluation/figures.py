"""Which plots an evaluation has, each with the words for those who can't see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.evaluation import plots
from models.evaluation.calibration import Calibration
from models.evaluation.discrimination import Discrimination
from models.evaluation.estimates import Absent, Estimate
from models.evaluation.wording import file_part, headline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.evaluation.evaluate import Assessment, Evaluation


@dataclass(frozen=True)
class Plot:
    """An SVG picture and its description."""

    svg: str
    alt: str


def figures_of(evaluation: Evaluation) -> dict[str, Plot]:
    """Return every plot by its name, which is that of its file without the ending."""
    found: dict[str, Plot] = {}
    for target in evaluation.request.targets:
        found |= _of_target(evaluation, target, evaluation.of_target(target))
    return found


def figure_name(kind: str, target: str, model: str = "", column: str = "") -> str:
    """Return the name of a plot."""
    return "_".join((kind, *(file_part(part) for part in (target, model, column) if part)))


def _of_target(evaluation: Evaluation, target: str, assessments: Sequence[Assessment]) -> dict[str, Plot]:
    found: dict[str, Plot] = {}
    drawn = [a for a in assessments if isinstance(a.discrimination, Discrimination)]
    said = " ".join(headline(a) for a in drawn)
    if drawn:
        found[figure_name("roc", target)] = Plot(plots.roc_plot(drawn), f"ROC curves. {said}")
        found[figure_name("pr", target)] = Plot(
            plots.precision_recall_plot(drawn), "Precision against recall; the areas stand in the table above."
        )
    if any(not isinstance(a.curve, Absent) for a in drawn):
        found[figure_name("decision", target)] = Plot(
            plots.decision_plot(drawn), "Net benefit against the threshold; its values stand in the table below."
        )
    for a in drawn:
        name = a.scored.name
        if isinstance(a.calibration, Calibration):
            found[figure_name("calibration", target, name)] = Plot(
                plots.reliability_plot(a, a.calibration),
                f"Reliability of {name}; its numbers stand in the table above.",
            )
        for grouping in (*([a.centres] if a.centres else ()), *a.subgroups):
            if grouping.members:
                found[figure_name("forest", target, name, grouping.column)] = Plot(
                    plots.forest_plot(grouping, f"{name}: AUROC by {grouping.column} (positive + negative patients)"),
                    f"AUROC of {name} by {grouping.column}; its numbers stand in the table beside.",
                )
    comparisons = evaluation.comparisons.get(target, ())
    if not isinstance(comparisons, Absent) and any(isinstance(c.difference, Estimate) for c in comparisons):
        found[figure_name("difference", target)] = Plot(
            plots.difference_plot(comparisons, evaluation.request.margin),
            "Differences of AUROC with intervals and the margin; their values stand in the table above.",
        )
    return found
