"""Answers of the template tile plausibility, sorted into ticks and the scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from heatmaps.readers.kit.questions import CANNOT_JUDGE
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heatmaps.readers.analysis.answer_table import Answers

MSI_FEATURES = ("til", "crohn_like", "mucinous", "signet_ring", "solid")
"""Options of the example study that the literature ties to MSI; counted unless ``--features`` names others."""

STEPS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Tiles:
    """Answers on tiles, first showings and repeats.

    Attributes
    ----------
    ticks
        ``reader``, ``item``, ``case``, ``arm``, ``question`` (option), ``rating`` 0 or 1, ``repeat_of``.
    scale
        The same for the scale; ``rating`` is 1 to 5, NaN for "cannot judge".
    scale_name
        Its question, empty if there is none.
    features
        Options in the table's order.
    counted
        Those that count as a feature of the class.
    arms, controls
        Groups in the order in which they are shown, by default with controls last; and which are controls.
    joint
        How many tiles several arms chose. Their rows are there once for each of these arms.
    """

    ticks: pd.DataFrame
    scale: pd.DataFrame
    scale_name: str
    features: tuple[str, ...]
    counted: tuple[str, ...]
    arms: tuple[str, ...]
    controls: frozenset[str]
    joint: int


def tiles_of(answers: Answers, features: Sequence[str], order: Sequence[str] = ()) -> Tiles:
    """Sort answers into ticks and the scale.

    Raises
    ------
    ConfigError
        An answer is none that a check-list or scale can give, there are two scales, or a feature or an
        arm is unknown.
    """
    frame = _by_arm(answers.frame)
    ticked = frame["question"].str.contains(".", regex=False)
    ticks, scale = frame[ticked].copy(), frame[~ticked].copy()
    for part, allowed in ((ticks, {"0", "1"}), (scale, {*map(str, STEPS), CANNOT_JUDGE})):
        strange = part[~part["answer"].isin(allowed)]
        if len(strange):
            row = strange.iloc[0]
            msg = f"{answers.file}: {row['reader']} answered {row['answer']!r} to {row['question']} on {row['item']}; "
            raise ConfigError(msg + f"only {', '.join(sorted(allowed))} can be analysed")
    scales = list(dict.fromkeys(scale["question"]))
    if len(scales) > 1:
        raise ConfigError(f"{answers.file} holds two scales ({scales[0]}, {scales[1]}); one can be analysed")
    ticks["rating"] = ticks["answer"].astype(float)
    scale["rating"] = pd.to_numeric(scale["answer"].replace(CANNOT_JUDGE, None)).astype(float)
    ticks["question"] = [str(question).partition(".")[2] for question in ticks["question"]]
    known = tuple(dict.fromkeys(ticks["question"]))
    unknown = [name for name in features if name not in known]
    if unknown:
        raise ConfigError(f"--features {unknown[0]!r} is no option of this study; its options are {', '.join(known)}")
    counted = tuple(features) or tuple(name for name in MSI_FEATURES if name in known)
    joint = int((first_showings(frame).groupby("item")["arm"].nunique() > 1).sum())
    controls = frozenset(frame.loc[frame["kind"] == "control", "arm"])
    there = sorted(set(frame["arm"]))
    strange = [arm for arm in order if arm not in there]
    if strange:
        raise ConfigError(f"--arms {strange[0]!r} is no group of this study; its groups are {', '.join(there)}")
    rest = sorted((arm for arm in there if arm not in order), key=lambda arm: (arm in controls, arm))
    arms = [*dict.fromkeys(order), *rest]
    return Tiles(ticks, scale, scales[0] if scales else "", known, counted, tuple(arms), controls, joint)


def _by_arm(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows with their ``arm``: a group that names several, as ``reader items`` writes ``a+b``, is in each."""
    parts = [group.split("+") if all(group.split("+")) else [group] for group in frame["group"]]
    return frame.assign(arm=parts).explode("arm", ignore_index=True)


def once(rows: pd.DataFrame) -> pd.DataFrame:
    """Return each answer once, whatever the number of arms that its tile belongs to; rows are of one question."""
    return rows.drop_duplicates(["reader", "item"])


def first_showings(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are no repeats."""
    return rows[rows["repeat_of"] == ""]


def any_counted(tiles: Tiles) -> pd.DataFrame:
    """Return per reader and item, repeats too, whether at least one feature that counts was ticked."""
    rows = tiles.ticks[tiles.ticks["question"].isin(tiles.counted)]
    keys = ["reader", "item", "case", "arm", "repeat_of"]
    return rows.groupby(keys, as_index=False, sort=False)["rating"].max()
