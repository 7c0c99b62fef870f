"""Choices between two heatmaps, checked, with the tests of one method against another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binomtest, wilcoxon

from heatmaps.readers.analysis.clustered import MIN_CASES
from heatmaps.readers.kit.questions import CANNOT_JUDGE, EQUAL
from heatmaps.readers.statistics.measures import Absent, Test
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from heatmaps.readers.analysis.answer_table import Answers


def choices_of(answers: Answers, repeats: bool = False) -> pd.DataFrame:
    """Return one row per choice: ``reader``, ``item``, ``case``, ``left``, ``right``, ``choice`` (a side), ``chosen``.

    Repeats are left out unless asked for: they are for agreement with oneself.

    Raises
    ------
    ConfigError
        A row doesn't say what was left and right, or the answer was not shown.
    """
    frame = answers.frame
    rows = frame[(frame["question"] == "prefer") & (repeats | (frame["repeat_of"] == ""))].copy()
    for row in rows.to_dict("records"):
        shown = {row["left"]: "left", row["right"]: "right", EQUAL: "equal", CANNOT_JUDGE: "cannot judge"}
        if not row["left"] or not row["right"] or row["left"] == row["right"]:
            msg = f"{answers.file}: {row['item']} of {row['reader']} must name two methods, in left and right"
            raise ConfigError(msg)
        if row["answer"] not in shown:
            msg = f"{answers.file}: {row['reader']} chose {row['answer']!r} on {row['item']}, which was not shown; "
            raise ConfigError(msg + f"{row['left']} and {row['right']} were")
    sides = [
        {r["left"]: "left", r["right"]: "right", EQUAL: "equal", CANNOT_JUDGE: "cannot judge"}[r["answer"]]
        for r in rows.to_dict("records")
    ]
    return rows.assign(choice=sides, chosen=rows["answer"])


def points(own: pd.DataFrame, first: str) -> pd.DataFrame:
    """Return +1 where the first was chosen, 0 for a tie, -1 for the other; what could not be judged is left out."""
    judged = own[own["chosen"] != CANNOT_JUDGE]
    rating = np.where(judged["chosen"] == first, 1.0, np.where(judged["chosen"] == EQUAL, 0.0, -1.0))
    return judged[["reader", "item", "case"]].assign(rating=rating)


def tests(made: pd.DataFrame) -> tuple[Test | Absent, Test | Absent]:
    """Return the sign test and Wilcoxon's, on each case's mean, so that readers of one case are one vote.

    Wilcoxon (Biometrics Bulletin 1945; 1: 80-83) with Pratt's treatment of zeros (JASA 1959; 54: 655-667), by scipy.
    """
    means = made.groupby("case")["rating"].mean().to_numpy()
    up, down = int((means > 0).sum()), int((means < 0).sum())
    if up + down < MIN_CASES:
        few = Absent(f"there are too few cases with a preference ({up + down}; at least {MIN_CASES} are needed)")
        return few, few
    sign = Test(f"sign test over cases, {up} for and {down} against", None, (), float(binomtest(up, up + down).pvalue))
    found = wilcoxon(means, zero_method="pratt")
    return sign, Test("Wilcoxon's signed ranks over cases, Pratt", float(found.statistic), (), float(found.pvalue))
