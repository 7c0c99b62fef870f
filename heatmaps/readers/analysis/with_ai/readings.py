"""Answers of the template AI assistance as one row per reader and case, without and with AI side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from heatmaps.readers.analysis.answer_table import Answers

ALONE, AIDED = "without AI", "with AI"
"""Modalities as they stand in the ``.imrmc`` file; in this order of the alphabet a difference is with minus without."""

_SCALES = {"likelihood": (0.0, 100.0), "confidence": (1.0, 5.0), "decision": (0.0, 1.0)}


@dataclass(frozen=True)
class Readings:
    """Readings.

    Attributes
    ----------
    rows
        ``reader``, ``case`` (the item), ``modality``, ``truth`` and ``ai`` (NaN where unknown), ``seconds``,
        ``likelihood``, ``confidence``, ``decision`` (each NaN where it was not answered), ``called`` 0 or 1.
    sequential
        Whether the first answer was given on the same showing, before the AI; otherwise it is a cross-over.
    by_question
        Whether ``called`` is the answer to "decision"; otherwise it is the likelihood at or above the threshold.
    """

    rows: pd.DataFrame
    sequential: bool
    by_question: bool


def readings_of(answers: Answers, threshold: float) -> Readings:
    """Return the readings.

    Raises
    ------
    ConfigError
        A row doesn't say whether it was read with AI, both designs are mixed, an answer lies off its scale, or the AI's
        probability or the truth differ between a case's rows.
    """
    frame = answers.frame[answers.frame["question"].isin(_SCALES)].copy()
    where = answers.file
    if (frame["reading"] == "").any():
        row = frame[frame["reading"] == ""].iloc[0]
        raise ConfigError(
            f"{where}: reading is empty for {row['item']} of {row['reader']}; it says without, before or with"
        )
    kinds = set(frame["reading"])
    if {"before", "without"} <= kinds or "with" not in kinds or len(kinds) < 2:
        said = ", ".join(sorted(kinds))
        raise ConfigError(f"{where} holds the readings {said}; one study has before and with, or without and with")
    frame["case"] = frame["item"].where(frame["repeat_of"] == "", frame["repeat_of"])
    frame["modality"] = np.where(frame["reading"] == "with", AIDED, ALONE)
    frame["value"] = [_value(where, row) for row in frame.to_dict("records")]
    for name in ("truth", "ai"):
        frame[name] = pd.to_numeric(frame[name].replace("", None)).astype(float)
        spread = frame.groupby("case")[name].agg(lambda found: found.dropna().nunique())
        if (spread > 1).any():
            raise ConfigError(f"{where}: {name} of {spread.index[spread > 1][0]} differs between its rows")
    if (frame["ai"] > 1).any():
        raise ConfigError(f"{where}: ai holds {frame['ai'].max():g}; it is a probability from 0 to 1")
    # A second showing in the same modality is a repeat; the first counts.
    frame = frame.sort_values("repeat_of", kind="stable").drop_duplicates(["reader", "case", "modality", "question"])
    keys = ["reader", "case", "modality"]
    rows = frame.pivot(index=keys, columns="question", values="value").reindex(columns=list(_SCALES))
    facts = frame.drop_duplicates(keys).set_index(keys)[["truth", "ai", "seconds"]]
    rows = rows.join(facts).reset_index()
    by_question = bool(rows["decision"].notna().any())
    called = rows["decision"] if by_question else (rows["likelihood"] >= threshold).where(rows["likelihood"].notna())
    return Readings(rows.assign(called=called.astype(float)), "before" in kinds, by_question)


def complete(rows: pd.DataFrame, needed: list[str]) -> tuple[pd.DataFrame, int]:
    """Return the cases that every reader read both ways with these columns there, and how many others there are."""
    there = rows.dropna(subset=needed)
    wanted = 2 * rows["reader"].nunique()
    counts = there.groupby("case").size()
    whole = counts.index[counts == wanted]
    return there[there["case"].isin(whole)], rows["case"].nunique() - len(whole)


def _value(where: str, row: dict[str, str]) -> float:
    low, high = _SCALES[row["question"]]
    try:
        value = float(row["answer"])
    except ValueError:
        value = float("nan")
        if row["answer"] in {"", "cannot_judge"}:
            return value
    if not low <= value <= high:
        msg = f"{where}: {row['reader']} answered {row['answer']!r} to {row['question']} on {row['item']}; "
        raise ConfigError(msg + f"it goes from {low:g} to {high:g}")
    return value
