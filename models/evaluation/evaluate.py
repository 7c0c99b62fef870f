"""Patient-level evaluation: prediction tables against a clinical table."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.evaluation.auroc import Auroc, auroc_interval
from models.tables import Table, read_table
from models.targets import Target, is_missing, spelling
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Evaluation:
    """One prediction table and one target.

    Attributes
    ----------
    name
        Of the prediction table.
    target, positive
        Column and positive label of the clinical table.
    auroc
        None where it is undefined.
    reason
        Why it is undefined; empty otherwise.
    unlabelled
        Predicted patients without a label.
    unpredicted
        Labelled patients without a prediction.
    labels, scores
        (n,) 0 or 1, and probabilities of the patients who have both.
    """

    name: str
    target: str
    positive: str
    auroc: Auroc | None
    reason: str
    unlabelled: int
    unpredicted: int
    labels: np.ndarray
    scores: np.ndarray

    def to_json(self) -> dict[str, Any]:
        """Return every number as JSON values; an undefined AUROC is null."""
        return {
            "predictions": self.name,
            "target": self.target,
            "positive": self.positive,
            "auroc": None if self.auroc is None else asdict(self.auroc),
            "reason": self.reason or None,
            "n_pos": int((self.labels == 1).sum()),
            "n_neg": int((self.labels == 0).sum()),
            "n_unlabelled": self.unlabelled,
            "n_unpredicted": self.unpredicted,
        }


def evaluate_predictions(
    predictions: Sequence[Path], clini: Path, targets: Sequence[str], positive: Mapping[str, str] | None = None
) -> list[Evaluation]:
    """Compare each prediction table with the clinical table, one result per table and target.

    Parameters
    ----------
    predictions
        Tables of ``wsi-swarm predict``: PATIENT, one row each, and columns ``<TARGET>_<POSITIVE>``.
    clini
        PATIENT and one column per target.
    targets
        Columns of ``clini``.
    positive
        Positive label in ``clini`` by target, where it is spelled otherwise than in the prediction's column.

    Raises
    ------
    ConfigError
        With file, row and column: missing or ambiguous columns, a patient in two rows, a cell that is no number,
        conflicting labels. A target of one class is no error; see ``Evaluation.reason``.
    InputError
        If a table is missing or unreadable.
    """
    unknown = [name for name in positive or {} if name not in targets]
    if not targets or unknown:
        msg = f"--positive names {unknown[0]}, which is no --target" if unknown else "name at least one --target"
        raise ConfigError(msg)
    table = read_table(clini)
    labels = {name: _text_by_patient(table, name) for name in targets}
    names = _names(predictions)
    return [
        _evaluate(name, read_table(path), table.path, target, labels[target], (positive or {}).get(target))
        for name, path in zip(names, predictions, strict=True)
        for target in targets
    ]


def _evaluate(
    name: str, table: Table, clini: Path, target: str, texts: dict[str, str], positive: str | None
) -> Evaluation:
    column = _probability_column(table, target, texts, positive)
    scores = _scores(table, column)
    chosen = Target(target, positive or column.removeprefix(f"{target}_"), ())
    labels = {patient: label for patient, text in texts.items() if (label := chosen.label(text)) is not None}
    both = sorted(labels.keys() & scores.keys())
    y = np.array([labels[patient] for patient in both], int)
    p = np.array([scores[patient] for patient in both], float)
    reason = _why_undefined(y, chosen, texts, clini)
    return Evaluation(
        name=name,
        target=target,
        positive=chosen.positive,
        auroc=None if reason else auroc_interval(y, p),
        reason=reason,
        unlabelled=len(scores.keys() - labels.keys()),
        unpredicted=len(labels.keys() - scores.keys()),
        labels=y,
        scores=p,
    )


def _why_undefined(y: np.ndarray, target: Target, texts: dict[str, str], clini: Path) -> str:
    if len(y) and 0 < y.sum() < len(y):
        return ""
    found = ", ".join(sorted({repr(text) for text in texts.values() if not is_missing(text)})) or "none"
    if len(y) == 0:
        return f"no predicted patient has a label in column {target.name} of {clini} (labels there: {found})"
    other = "negative" if y.all() else f"positive ({target.positive})"
    return (
        f"none of the {len(y)} predicted and labelled patients is {other}, so there is no AUROC; labels in column "
        f"{target.name} of {clini}: {found}; if the positive one is spelled otherwise there, "
        f"say --positive {target.name}=LABEL"
    )


def _text_by_patient(table: Table, target: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    rows: dict[str, int] = {}
    for index, (patient, text) in enumerate(zip(table.column("PATIENT"), table.column(target), strict=True)):
        known = texts.get(patient, "")
        if is_missing(known):
            texts[patient], rows[patient] = text, table.numbers[index]
        elif not is_missing(text) and spelling(text) != spelling(known):
            msg = (
                f"{table.where(index, target)}: patient {patient} is {text!r} here and {known!r} in row "
                f"{rows[patient]}; keep the right one"
            )
            raise ConfigError(msg)
    return texts


def _probability_column(table: Table, target: str, texts: dict[str, str], positive: str | None) -> str:
    candidates = [column for column in table.columns if column.startswith(f"{target}_")]
    wanted = {spelling(text) for text in texts.values()} if positive is None else {spelling(positive)}
    fitting = [column for column in candidates if spelling(column.removeprefix(f"{target}_")) in wanted]
    for choice in (fitting, candidates):
        if len(choice) == 1:
            return choice[0]
    listed = ", ".join(candidates) or ", ".join(table.columns)
    fault = f"several columns could be {target}'s" if candidates else f"no column begins with {target}_"
    msg = f"{table.path} row 1: {fault} ({listed}); name a table of 'wsi-swarm predict' for this target"
    raise ConfigError(msg)


def _scores(table: Table, column: str) -> dict[str, float]:
    scores: dict[str, float] = {}
    for index, (patient, cell) in enumerate(zip(table.column("PATIENT"), table.column(column), strict=True)):
        if patient in scores:
            msg = (
                f"{table.where(index, 'PATIENT')}: patient {patient} stands there twice; evaluation is by patient, "
                "predict with --level patient"
            )
            raise ConfigError(msg)
        try:
            scores[patient] = float(cell)
        except ValueError:
            scores[patient] = math.nan
        if not math.isfinite(scores[patient]):
            msg = f"{table.where(index, column)}: {cell!r} is no probability; predict again"
            raise ConfigError(msg)
    return scores


def _names(paths: Sequence[Path]) -> list[str]:
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in paths]
