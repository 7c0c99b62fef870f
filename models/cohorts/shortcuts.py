"""Shortcuts: how well something that is no tissue tells the classes apart, patient by patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.cohorts.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.cohorts.measures import Measure
    from models.evaluation.auroc import Auroc

CONFIDENCE = 0.95
_FOLDS = 5
_SEED = 0


@dataclass(frozen=True)
class Shortcut:
    """How well one measure tells one label from the rest.

    Attributes
    ----------
    target, label
        Column, and the label that is told from all others.
    measure
        What was measured.
    auroc
        By patient; of a number whichever direction is above 0.5, so chance is a little above 0.5.
    direction
        "higher" or "lower" in patients with the label; empty where there is no direction.
    suspicious
        Whether the interval lies above 0.5 even after a correction for the number of measures that were tried.
    """

    target: str
    label: str
    measure: Measure
    auroc: Auroc
    direction: str
    suspicious: bool

    @property
    def sentence(self) -> str:
        """What it means, in words."""
        area = self.auroc
        numbers = (
            f"AUROC {area.value:.2f}, {100 * CONFIDENCE:.0f} % interval {area.low:.2f} to {area.high:.2f}, "
            f"{area.n_pos} against {area.n_neg} patients"
        )
        if not self.suspicious:
            return f"{self.measure.name} does not tell {self.label} from the rest ({numbers})"
        how = f"; it is {self.direction} in patients with {self.label}" if self.direction else ""
        return f"{self.measure.name} alone tells {self.label} from the rest ({numbers}{how})"


def find_shortcuts(
    target: str, labels: Sequence[str | None], measures: Sequence[Measure], positive: str | None = None
) -> list[Shortcut]:
    """Try every measure on one target.

    Parameters
    ----------
    target
        Its column.
    labels
        Label of each patient, None where there is none.
    measures
        With one value per patient each.
    positive
        The label to be told from the rest; None: each from all others, or of two the first.

    Notes
    -----
    A measure is called suspicious where Newcombe's interval at ``1 - 0.05 / m`` (Bonferroni) lies above 0.5, m being
    the number of measures that vary.
    """
    known = np.array([label is not None for label in labels])
    classes = list(dict.fromkeys(label for label in labels if label is not None))
    told = [positive] if positive is not None else classes[:1] if len(classes) == 2 else classes
    tried = [(label, measure) for label in told for measure in measures]
    tested = []
    for label, measure in tried:
        usable = known & measure.known
        y = np.array([one == label for one in labels])[usable].astype(int)
        score = _score(measure, usable, y)
        if score is not None:
            tested.append((label, measure, *score, y))
    return [
        _shortcut(target, label, measure, value, direction, y, len(tested))
        for label, measure, value, direction, y in tested
    ]


def findings_of(shortcuts: Sequence[Shortcut], file: Path) -> list[Finding]:
    """Turn the suspicious ones into warnings, or notes where the measure may be the biology that is sought."""
    found = []
    for shortcut in shortcuts:
        if shortcut.suspicious:
            severity = Severity.NOTE if shortcut.measure.may_be_biology else Severity.WARNING
            what, remedy = shortcut.sentence, shortcut.measure.remedy
            found.append(Finding(severity, "shortcut", file, what, remedy, column=shortcut.target))
    return found


def leave_pair_out(categories: Sequence[str], y: np.ndarray) -> float:
    """Return the AUROC of the rates of a label by category, each pair of patients judged by all others.

    For each patient with the label and each without, both are left out, the rates of their categories are taken from
    the others, and the pair is right if the first one's is higher, half right if they are equal. A category without
    others has the rate of all others. Under no connection the mean is exactly 0.5 (Airola et al., Computational
    Statistics & Data Analysis 2011; 55: 1828-1844); leaving out one patient at a time would pull it below, since that
    lowers the rate of a labelled patient's own category.
    """
    names, index = np.unique(np.asarray(categories), return_inverse=True)
    pos = np.bincount(index[y == 1], minlength=len(names)).astype(float)
    neg = np.bincount(index[y == 0], minlength=len(names)).astype(float)
    base = (pos.sum() - 1) / max(pos.sum() + neg.sum() - 2, 1)
    others = pos + neg - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        of_positive = np.where(others > 0, (pos - 1) / others, base)
        of_negative = np.where(others > 0, pos / others, base)
    # Two of one category have one rate, whatever is left out, and are half right.
    right = np.sign(of_positive[:, None] - of_negative[None, :]) * 0.5 + 0.5
    np.fill_diagonal(right, 0.5)
    return float(pos @ right @ neg / (pos.sum() * neg.sum()))


def _score(measure: Measure, usable: np.ndarray, y: np.ndarray) -> tuple[float, str] | None:
    """Return AUROC and direction, or None where nothing can be told apart."""
    from sklearn.metrics import roc_auc_score

    if min(y.sum(), (1 - y).sum()) < 2:
        return None
    values = measure.values[usable]
    if len(np.unique(values, axis=0)) < 2:
        return None
    if measure.kind == "category":
        return leave_pair_out(values.tolist(), y), ""
    if measure.kind == "number":
        area = float(roc_auc_score(y, values.astype(float)))
        return (area, "higher") if area >= 0.5 else (1.0 - area, "lower")
    return _by_folds(values, y)


def _by_folds(values: np.ndarray, y: np.ndarray) -> tuple[float, str] | None:
    from sklearn.linear_model import RidgeClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = min(_FOLDS, int(y.sum()), int((1 - y).sum()))
    if folds < 3 or not np.isfinite(values).all():
        return None
    learner = make_pipeline(StandardScaler(), RidgeClassifier(alpha=float(values.shape[1]), class_weight="balanced"))
    split = StratifiedKFold(folds, shuffle=True, random_state=_SEED)
    scores = cross_val_predict(learner, values.astype(float), y, cv=split, method="decision_function")
    return float(roc_auc_score(y, scores)), ""


def _shortcut(
    target: str, label: str, measure: Measure, value: float, direction: str, y: np.ndarray, tried: int
) -> Shortcut:
    from models.evaluation.auroc import METHOD, Auroc, newcombe_interval

    counts = int(y.sum()), int((1 - y).sum())
    low, high = newcombe_interval(value, *counts, CONFIDENCE)
    strict, _ = newcombe_interval(value, *counts, 1.0 - (1.0 - CONFIDENCE) / tried)
    return Shortcut(
        target, label, measure, Auroc(value, low, high, *counts, METHOD, CONFIDENCE), direction, strict > 0.5
    )
