"""Readers who answer first alone and then with the AI's advice: who changed, and whether to the better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binomtest

from heatmaps.readers.statistics.columns import binary, having
from heatmaps.readers.statistics.measures import Absent, Measure, Test
from heatmaps.readers.statistics.resampling import RESAMPLES, percentile_interval
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

COLUMNS = ("reader", "case", "truth", "advice", "first", "second")


@dataclass(frozen=True)
class Changes:
    """Answers before and after advice, of one reader or of all.

    Attributes
    ----------
    reader
        Name, or "all".
    answers
        How many.
    corrected, spoiled
        Wrong answers that became right, right ones that became wrong.
    mcnemar
        Exact test of corrected against spoiled. For all readers together it takes answers as independent, which they
        are not: read the interval of ``Assistance.gain`` instead.
    """

    reader: str
    answers: int
    corrected: int
    spoiled: int
    mcnemar: Test | Absent


@dataclass(frozen=True)
class Assistance:
    """What advice did. All intervals are bootstraps over readers and cases.

    Attributes
    ----------
    changed
        Share of answers that changed.
    before, after, gain
        Accuracy of first and second answers, and second minus first.
    gain_right, gain_wrong
        The same where the advice was right, and where it was wrong.
    automation_bias
        Share of right first answers that became wrong, among those met by wrong advice.
    benefit
        Share of wrong first answers that became right, among those met by right advice.
    spoiled_by_wrong, corrected_by_right
        The same changes as a share of all answers met by wrong, or right, advice.
    by_reader
        Counts and McNemar's test per reader.
    pooled
        Of all answers.
    """

    changed: Measure | Absent
    before: Measure | Absent
    after: Measure | Absent
    gain: Measure | Absent
    gain_right: Measure | Absent
    gain_wrong: Measure | Absent
    automation_bias: Measure | Absent
    benefit: Measure | Absent
    spoiled_by_wrong: Measure | Absent
    corrected_by_right: Measure | Absent
    by_reader: tuple[Changes, ...]
    pooled: Changes


def assistance(frame: pd.DataFrame, seed: int, resamples: int = RESAMPLES) -> Assistance:
    """Return what advice did to binary answers.

    Only a design in which the first answer is locked before the advice is shown allows this: then what changes
    is due to the advice or to the second look; a control arm without advice would tell these apart.

    Parameters
    ----------
    frame
        Columns ``reader``, ``case``, and ``truth``, ``advice``, ``first``, ``second`` of 0 and 1; one row per reader
        and case.
    seed, resamples
        Of the bootstrap.

    Raises
    ------
    ConfigError
        If a column is absent or not binary, or a reader answered a case twice.
    """
    rows = having(frame, COLUMNS)
    binary(rows, COLUMNS[2:])
    if rows.duplicated(["reader", "case"]).any():
        row = rows[rows.duplicated(["reader", "case"])].iloc[0]
        msg = f"reader {row['reader']} answered case {row['case']} more than once; keep one pair of answers"
        raise ConfigError(msg)
    if not len(rows):
        msg = "there is no answer to analyse"
        raise ConfigError(msg)
    advised = (rows["advice"] == rows["truth"]).to_numpy()
    first, second = ((rows[name] == rows["truth"]).to_numpy() for name in ("first", "second"))
    spoiled, corrected = first & ~second, ~first & second
    everyone = np.ones(len(rows), bool)

    def mean(name: str, what: NDArray[np.generic], among: NDArray[np.bool_], whom: str) -> Measure | Absent:
        return _mean(rows, name, what.astype(float), among, whom, seed, resamples)

    gain = second.astype(float) - first.astype(float)
    right, wrong = "answer with right advice", "answer with wrong advice"
    return Assistance(
        changed=mean("answers changed", first != second, everyone, "answer"),
        before=mean("accuracy before advice", first, everyone, "answer"),
        after=mean("accuracy after advice", second, everyone, "answer"),
        gain=mean("accuracy after minus before advice", gain, everyone, "answer"),
        gain_right=mean("accuracy after minus before right advice", gain, advised, right),
        gain_wrong=mean("accuracy after minus before wrong advice", gain, ~advised, wrong),
        automation_bias=mean("automation bias", spoiled, ~advised & first, f"right first {wrong}"),
        benefit=mean("benefit", corrected, advised & ~first, f"wrong first {right}"),
        spoiled_by_wrong=mean("answers spoiled by wrong advice", spoiled, ~advised, wrong),
        corrected_by_right=mean("answers corrected by right advice", corrected, advised, right),
        by_reader=tuple(
            _changes(str(reader), corrected[own], spoiled[own])
            for reader in sorted(rows["reader"].unique(), key=str)
            for own in ((rows["reader"] == reader).to_numpy(),)
        ),
        pooled=_changes("all", corrected, spoiled),
    )


def mcnemar_exact(corrected: int, spoiled: int) -> Test | Absent:
    """Return McNemar's exact test (Psychometrika 1947; 12: 153-157): binomial with one half, two-sided."""
    if corrected + spoiled == 0:
        return Absent("no answer went from right to wrong or back, so there is nothing to test")
    p = binomtest(corrected, corrected + spoiled).pvalue
    return Test("McNemar, exact binomial", None, (), float(p))


def _changes(reader: str, corrected: NDArray[np.bool_], spoiled: NDArray[np.bool_]) -> Changes:
    up, down = int(corrected.sum()), int(spoiled.sum())
    return Changes(reader, len(corrected), up, down, mcnemar_exact(up, down))


def _mean(
    rows: pd.DataFrame,
    name: str,
    what: NDArray[np.float64],
    among: NDArray[np.bool_],
    whom: str,
    seed: int,
    resamples: int,
) -> Measure | Absent:
    if not among.any():
        return Absent(f"there is no {whom}")
    values, chosen = what[among], rows[among]

    def share(w: NDArray[np.float64]) -> float:
        return float(w @ values / w.sum()) if w.sum() else np.nan

    factors = {"readers": chosen["reader"], "cases": chosen["case"]}
    interval = percentile_interval(share, factors, seed, resamples)
    note = f"{int(among.sum())} answers"
    return Measure(name, float(values.mean()), interval, chosen["case"].nunique(), chosen["reader"].nunique(), note)
