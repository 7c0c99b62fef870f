"""Reading prediction tables beside a clinical table: who is evaluated with which label, score, centre and subgroup."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.exclusions import Flow, follow
from models.tables import Table, read_table
from models.targets import Target, is_missing, spelling
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MAX_LEVELS = 40


@dataclass(frozen=True)
class Scored:
    """One prediction table and one target.

    Attributes
    ----------
    name
        Of the prediction table.
    target
        Column, positive label and the other labels of the clinical table.
    patients
        Those with label and prediction, sorted.
    labels, scores
        (n,) 0 or 1, and probabilities of these patients.
    groups
        For each column asked for the (n,) texts of these patients; '' where missing.
    flow
        How the patients came to be these.
    clini
        The clinical table.
    """

    name: str
    target: Target
    patients: tuple[str, ...]
    labels: NDArray[np.int_]
    scores: NDArray[np.float64]
    groups: Mapping[str, tuple[str, ...]]
    flow: Flow
    clini: Path

    @property
    def why_one_class(self) -> str:
        """Why neither an AUROC nor anything that rests on both classes can be given; empty where it can."""
        if len(self.labels) and 0 < self.labels.sum() < len(self.labels):
            return ""
        found = ", ".join(repr(text) for text, side, _ in self.flow.labels if side != "no label") or "none"
        if len(self.labels) == 0:
            return (
                f"no predicted patient has a label in column {self.target.name} of {self.clini} (labels there: {found})"
            )
        other = "negative" if self.labels.all() else f"positive ({self.target.positive})"
        return (
            f"none of the {len(self.labels)} predicted and labelled patients is {other}, so there is no AUROC; labels "
            f"in column {self.target.name} of {self.clini}: {found}; if the positive one is spelled otherwise there, "
            f"say --positive {self.target.name}=LABEL"
        )


def read_scored(
    predictions: Sequence[Path],
    clini: Path,
    targets: Sequence[str],
    positive: Mapping[str, str] | None = None,
    columns: Sequence[str] = (),
) -> list[Scored]:
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
    columns
        Further columns of ``clini``, by which patients are grouped.

    Raises
    ------
    ConfigError
        With file, row and column: missing or ambiguous columns, a patient in two rows, a cell that is no number,
        conflicting labels. A target of one class is no error; see ``Scored.why_one_class``.
    InputError
        If a table is missing or unreadable.
    """
    unknown = [name for name in positive or {} if name not in targets]
    if not targets or unknown:
        msg = f"--positive names {unknown[0]}, which is no --target" if unknown else "name at least one --target"
        raise ConfigError(msg)
    table = read_table(clini)
    labels = {name: _text_by_patient(table, name) for name in targets}
    groups = {name: _levels(table, name) for name in columns}
    found = []
    for name, path in zip(names_of(predictions), predictions, strict=True):
        predicted = read_table(path)
        for target in targets:
            scored = _score(name, predicted, table.path, target, labels[target], groups, (positive or {}).get(target))
            found.append(scored)
    return found


def names_of(paths: Sequence[Path]) -> list[str]:
    """Name each table by its file's stem, or by its path where stems repeat."""
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in paths]


def _score(
    name: str,
    table: Table,
    clini: Path,
    target: str,
    texts: dict[str, str],
    groups: Mapping[str, Mapping[str, str]],
    positive: str | None,
) -> Scored:
    column = _probability_column(table, target, texts, positive)
    scores = _scores(table, column)
    others = {spelling(text): text.strip() for text in texts.values() if not is_missing(text)}
    chosen = positive or column.removeprefix(f"{target}_")
    others.pop(spelling(chosen), None)
    meaning = Target(target, chosen, tuple(sorted(others.values())))
    labels = {patient: label for patient, text in texts.items() if (label := meaning.label(text)) is not None}
    both = tuple(sorted(labels.keys() & scores.keys()))
    return Scored(
        name=name,
        target=meaning,
        patients=both,
        labels=np.array([labels[patient] for patient in both], int),
        scores=np.array([scores[patient] for patient in both], float),
        groups={column: tuple(level[patient] for patient in both) for column, level in groups.items()},
        flow=follow(texts, scores, meaning),
        clini=clini,
    )


def _levels(table: Table, column: str) -> dict[str, str]:
    levels = {
        patient: "" if is_missing(text) else text.strip() for patient, text in _text_by_patient(table, column).items()
    }
    count = len(set(levels.values()) - {""})
    if count > MAX_LEVELS:
        msg = (
            f"{table.path}, column {column}: {count} different values are no groups (at most {MAX_LEVELS}); add a "
            f"column that names a range for each patient, for instance {column}_GROUP with '<50', '50-70' and '>70'"
        )
        raise ConfigError(msg)
    return levels


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
