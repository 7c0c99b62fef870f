"""Confidence and reading time with and without AI."""

from __future__ import annotations

from dataclasses import replace
from math import exp
from typing import TYPE_CHECKING

import numpy as np

from heatmaps.readers.analysis.clustered import differences, for_other_readers, mean_over_cases
from heatmaps.readers.analysis.found import Said, Section, Sheet, columns
from heatmaps.readers.analysis.terms import Word
from heatmaps.readers.analysis.with_ai.readings import AIDED, ALONE
from heatmaps.readers.statistics.measures import Absent, Interval, Measure

if TYPE_CHECKING:
    import pandas as pd

    from heatmaps.readers.analysis.found import Cell
    from heatmaps.readers.analysis.terms import Unit
    from heatmaps.readers.analysis.with_ai.readings import Readings


def effort_section(readings: Readings, seed: int) -> tuple[Section, tuple[Said, ...]]:
    """Return the difference of confidence, and the ratio of times, which are compared on their logarithm."""
    rows = readings.rows.rename(columns={"modality": "arm"})
    sheets, findings = [], []
    confidence = rows.dropna(subset="confidence").assign(rating=rows["confidence"])
    timed = rows[rows["seconds"] > 0]
    timed = timed.assign(rating=np.log(timed["seconds"]))
    for name, own, unit in (("confidence", confidence, "steps"), ("time", timed, "ratio")):
        if set(own["arm"]) != {AIDED, ALONE}:
            continue
        row = _compared(own, seed, ratio=unit == "ratio")
        value: Unit = "mean" if name == "confidence" else "seconds"
        heads = (
            "measure",
            f"without:{value}",
            f"with:{value}",
            f"difference_other_readers:{unit}",
            "p:p",
            f"difference_these_readers:{unit}",
        )
        sheets.append(Sheet(name, columns(*heads), ((Word(name), *row),)))
        findings.append(Said(f"{name}_finding", {"difference": (row[2], unit), "p": (row[3], "p")}))  # type: ignore[dict-item]
    return Section("effort", (), (), tuple(sheets)), tuple(findings)


def _compared(own: pd.DataFrame, seed: int, *, ratio: bool) -> tuple[Cell, ...]:
    """Return mean without and with, the difference for other readers with its p, and that for these readers."""
    means = [mean_over_cases(arm, own[own["arm"] == arm], seed) for arm in (ALONE, AIDED)]
    other, test = for_other_readers(own, AIDED, ALONE, seed)
    these = differences(own, [AIDED, ALONE], seed)[0].difference
    if not ratio:
        return (*means, other, test, these)
    return (*(_raised(one) for one in means), _raised(other), test, _raised(these))


def _raised(measure: Measure | Absent) -> Measure | Absent:
    """Return what was measured on logarithms as it was before: a difference becomes a ratio."""
    if isinstance(measure, Absent):
        return measure
    ends = measure.interval
    if isinstance(ends, Interval):
        ends = Interval(exp(ends.low), exp(ends.high), ends.method)
    return replace(measure, value=exp(measure.value), interval=ends)
