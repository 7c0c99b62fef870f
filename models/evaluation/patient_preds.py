"""The table ``patient-preds.csv`` of each model and target, with STAMP's columns and the locked calls."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from models.evaluation.estimates import Absent
from models.evaluation.wording import file_part

if TYPE_CHECKING:
    from models.evaluation.evaluate import Assessment, Evaluation

_SMALLEST = 1e-12
"""Keeps the loss of a confident and wrong prediction finite."""


def patient_predictions(evaluation: Evaluation) -> dict[str, list[tuple[str, ...]]]:
    """Return header and rows by file name; a single model and target is named plainly ``patient-preds.csv``."""
    several = len(evaluation.assessments) > 1
    found = {}
    for a in evaluation.assessments:
        part = f"-{file_part(a.scored.name)}-{file_part(a.scored.target.name)}" if several else ""
        found[f"patient-preds{part}.csv"] = _rows(a)
    return found


def _rows(a: Assessment) -> list[tuple[str, ...]]:
    """Columns as in STAMP (PATIENT, truth, pred, a probability per class, loss), sorted by loss, largest last.

    ``pred`` is the class of the higher probability, as there; the calls of locked thresholds have columns of their own.
    """
    target = a.scored.target
    negative = target.negative[0] if len(target.negative) == 1 else f"not_{target.positive}"
    points = () if isinstance(a.points, Absent) else a.points
    locked = tuple(f"pred_sensitivity_{100 * p.locked.wanted:g}" for p in points)
    classes = (f"{target.name}_{negative}", f"{target.name}_{target.positive}")
    header = ("PATIENT", target.name, "pred", *classes, "loss", *locked)
    names = (negative, target.positive)
    rows = []
    for patient, label, score in zip(a.scored.patients, a.scored.labels, a.scored.scores, strict=True):
        right = score if label == 1 else 1.0 - score
        loss = -math.log(min(1.0, max(_SMALLEST, right)))
        calls = tuple(names[int(score >= p.locked.threshold)] for p in points)
        shown = (f"{1.0 - score:.6g}", f"{score:.6g}", f"{loss:.6g}")
        rows.append((loss, (patient, names[label], names[int(score > 0.5)], *shown, *calls)))
    return [header, *(row for _, row in sorted(rows, key=lambda entry: entry[0]))]
