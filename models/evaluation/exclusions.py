"""From the patients of the clinical table to those who were evaluated, and what the missing ones could change."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import roc_auc_score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from models.targets import Target


@dataclass(frozen=True)
class Flow:
    """How many patients went where.

    Attributes
    ----------
    in_clini
        Patients of the clinical table.
    without_label
        Of these without a label for the target.
    labelled
        The others.
    unpredicted_pos, unpredicted_neg
        Labelled patients without a prediction.
    analysed_pos, analysed_neg
        Labelled and predicted.
    predicted
        Patients of the prediction table.
    predicted_without_label
        Predicted patients who stand in the clinical table without a label.
    predicted_unknown
        Predicted patients who are not in the clinical table.
    labels
        Patients by label as it is spelled in the clinical table, with the class it was counted as.
    """

    in_clini: int
    without_label: int
    labelled: int
    unpredicted_pos: int
    unpredicted_neg: int
    analysed_pos: int
    analysed_neg: int
    predicted: int
    predicted_without_label: int
    predicted_unknown: int
    labels: tuple[tuple[str, str, int], ...]

    @property
    def analysed(self) -> int:
        """Patients evaluated."""
        return self.analysed_pos + self.analysed_neg

    @property
    def unpredicted(self) -> int:
        """Labelled patients without a prediction."""
        return self.unpredicted_pos + self.unpredicted_neg


def follow(texts: Mapping[str, str], scores: Mapping[str, float], target: Target) -> Flow:
    """Count the patients of a clinical table on their way into the evaluation.

    Parameters
    ----------
    texts
        Label as spelled, by patient of the clinical table.
    scores
        Probability by predicted patient.
    target
        Says what the labels mean.
    """
    labels = {patient: target.label(text) for patient, text in texts.items()}
    known = {patient: label for patient, label in labels.items() if label is not None}
    analysed = [known[patient] for patient in known.keys() & scores.keys()]
    missing = [known[patient] for patient in known.keys() - scores.keys()]
    classes = {1: "positive", 0: "negative", None: "no label"}
    spelled = Counter((text.strip() or "(empty)", classes[target.label(text)]) for text in texts.values())
    return Flow(
        in_clini=len(texts),
        without_label=len(texts) - len(known),
        labelled=len(known),
        unpredicted_pos=sum(missing),
        unpredicted_neg=len(missing) - sum(missing),
        analysed_pos=sum(analysed),
        analysed_neg=len(analysed) - sum(analysed),
        predicted=len(scores),
        predicted_without_label=len((scores.keys() & texts.keys()) - known.keys()),
        predicted_unknown=len(scores.keys() - texts.keys()),
        labels=tuple(
            (text, side, count) for (text, side), count in sorted(spelled.items(), key=lambda x: (-x[1], x[0]))
        ),
    )


def auroc_bounds(labels: NDArray[np.int_], scores: NDArray[np.float64], flow: Flow) -> tuple[float, float]:
    """Return the AUROC if every labelled patient without a prediction had been ranked in the worst and the best way.

    Parameters
    ----------
    labels, scores
        (N,) of the patients evaluated, both classes there.
    flow
        Tells how many are missing.
    """
    y = np.concatenate([labels, np.ones(flow.unpredicted_pos, int), np.zeros(flow.unpredicted_neg, int)])
    below, above = scores.min() - 1.0, scores.max() + 1.0
    bounds = []
    for positive_score, negative_score in ((below, above), (above, below)):
        ends = [np.full(flow.unpredicted_pos, positive_score), np.full(flow.unpredicted_neg, negative_score)]
        bounds.append(float(roc_auc_score(y, np.concatenate([scores, *ends]))))
    return bounds[0], bounds[1]
