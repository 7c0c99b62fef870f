"""The table that ``reader import`` wrote, checked, with its template found out."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heatmaps.readers.answers.rows import COLUMNS
from pipelines.damage import TABLE_DAMAGE
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from heatmaps.readers.kit.study_file import Template

NEEDED = ("reader", "item", "question", "answer")
OPTIONAL = tuple(name for name in COLUMNS if name not in NEEDED)
DEVIATIONS = ("too fast", "out of order", "answered twice", "washout", "before its date")
READINGS = ("", "without", "before", "with")
ONE_PICTURE = ["reader", "item", "session", "reading"]


@dataclass(frozen=True)
class Answers:
    """Answers to analyse.

    Attributes
    ----------
    file, sha256
        Name and hash of the table.
    template
        Found out from the questions.
    frame
        One row per answer, every column of the import there, ``seconds``, ``position`` and ``edits`` as numbers (NaN
        where empty), ``case`` (the patient, or the item where no patient is named), without the rows left out.
    all_rows
        The same before rows were left out.
    left_out
        Deviation -> how many pictures' answers were left out for it.
    patients_named
        Whether every row names its patient. If not, items are taken as independent.
    """

    file: str
    sha256: str
    template: Template
    frame: pd.DataFrame
    all_rows: pd.DataFrame
    left_out: dict[str, int]
    patients_named: bool


def read_answer_table(path: Path, leave_out: Sequence[str] = ()) -> Answers:
    """Read a table of answers, and leave out the rows whose deviation is named.

    Raises
    ------
    InputError
        It is missing or no table.
    ConfigError
        A column is absent, a value is impossible, a question was answered twice, the questions are of no template or of
        two, a deviation is unknown, or nothing remains.
    """
    import pandas as pd  # half a second

    unknown = [name for name in leave_out if name not in DEVIATIONS]
    if unknown:
        raise ConfigError(f"--leave-out {unknown[0]!r} is no deviation; write one of {', '.join(DEVIATIONS)}")
    try:
        data = path.read_bytes()
        frame = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except TABLE_DAMAGE as error:
        raise InputError(f"{path} cannot be read as a table: {str(error)[:200] or type(error).__name__}") from error
    absent = [name for name in NEEDED if name not in frame.columns]
    if absent:
        msg = f"{path} has no column {absent[0]}; give the table that wsi-swarm reader import wrote"
        raise ConfigError(msg)
    if frame.empty:
        raise ConfigError(f"{path} holds no answer; import the readers' files first")
    frame = frame.reindex(columns=[*NEEDED, *OPTIONAL], fill_value="")
    _refuse_impossible(path, frame)
    for name in ("seconds", "position", "edits"):
        frame[name] = pd.to_numeric(frame[name].replace("", None))
    named = bool((frame["patient"] != "").all())
    base = frame["item"].where(frame["repeat_of"] == "", frame["repeat_of"])
    frame["case"] = frame["patient"] if named else base
    template = _template_of(path, frame)
    kept, left_out = _without(frame, leave_out)
    if kept.empty:
        raise ConfigError(f"{path}: every answer was left out ({', '.join(leave_out)}); nothing remains to analyse")
    return Answers(path.name, hashlib.sha256(data).hexdigest(), template, kept, frame, left_out, named)


def pictures(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per picture that a reader answered, whatever the number of questions."""
    return frame.drop_duplicates(ONE_PICTURE)


def _refuse_impossible(path: Path, frame: pd.DataFrame) -> None:
    for name in ("reader", "item", "question"):
        if (frame[name] == "").any():
            raise ConfigError(f"{path}, row {_row(frame[name] == '')}: {name} is empty")
    for name, allowed in (("reading", READINGS), ("truth", ("", "0", "1"))):
        wrong = ~frame[name].isin(allowed)
        if wrong.any():
            said = ", ".join(repr(one) for one in allowed)
            raise ConfigError(f"{path}, row {_row(wrong)}: {name} is {frame[name][wrong].iloc[0]!r}; it may be {said}")
    for name in ("seconds", "position", "edits", "ai"):
        for row, text in enumerate(frame[name], start=2):
            if text and not _is_amount(text):
                raise ConfigError(f"{path}, row {row}: {name} is {text!r}, which is no number from 0 on")
    twice = frame.duplicated([*ONE_PICTURE, "question"])
    if twice.any():
        row = frame[twice].iloc[0]
        msg = f"{path}, row {_row(twice)}: {row['reader']} answered {row['question']} on {row['item']} twice"
        raise ConfigError(msg + "; was the table put together from two imports?")


def _row(wrong: pd.Series) -> int:
    return int(wrong.to_numpy().argmax()) + 2


def _is_amount(text: str) -> bool:
    try:
        return 0.0 <= float(text) < float("inf")
    except ValueError:
        return False


def _template_of(path: Path, frame: pd.DataFrame) -> Template:
    questions = set(frame["question"])
    found: list[Template] = []
    if "prefer" in questions:
        found.append("heatmap-preference")
    if "likelihood" in questions or (frame["reading"] != "").any():
        found.append("ai-assistance")
    if len(found) > 1:
        raise ConfigError(f"{path} holds answers of two templates ({' and '.join(found)}); analyse each study alone")
    if found:
        return found[0]
    if (frame["group"] == "").any():
        row = _row(frame["group"] == "")
        raise ConfigError(f"{path}, row {row}: group is empty, and no question is of a known template; analyse "
                          "the table as wsi-swarm reader import wrote it")  # fmt: skip
    return "tile-plausibility"


def _without(frame: pd.DataFrame, leave_out: Sequence[str]) -> tuple[pd.DataFrame, dict[str, int]]:
    marks = frame["deviation"].str.split("; ")
    counts = {}
    for name in dict.fromkeys(leave_out):
        counts[name] = len(pictures(frame[marks.map(lambda found, name=name: name in found)]))
    gone = marks.map(lambda found: any(name in found for name in leave_out))
    return frame[~gone].reset_index(drop=True), counts
