"""What the AI's advice did to decisions: who changed, to the better or worse, by whether the AI was right."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from heatmaps.readers.analysis.figures.kinds import Forest
from heatmaps.readers.analysis.found import Said, Section, Sheet, columns
from heatmaps.readers.analysis.terms import Word
from heatmaps.readers.analysis.with_ai.readings import AIDED, ALONE
from heatmaps.readers.statistics.assistance import Assistance, assistance
from heatmaps.readers.statistics.measures import Absent, Measure

if TYPE_CHECKING:
    from heatmaps.readers.analysis.with_ai.readings import Readings

LOCKED_ONLY = ("changed", "automation_bias", "benefit", "spoiled_by_wrong", "corrected_by_right")
"""Speak of an answer that the advice changed, so only of designs in which the first answer is locked before it."""

_GAINS = ("gain", "gain_right", "gain_wrong")
_POINTS = frozenset(_GAINS)


def advice_section(readings: Readings, ai_threshold: float, seed: int) -> tuple[Section, tuple[Said, ...]]:
    """Return accuracy before and after, gains by right and wrong advice, changes, and McNemar's test per reader."""
    keys = ["reader", "case"]
    rows = readings.rows.dropna(subset=["truth", "ai", "called"])
    first = rows[rows["modality"] == ALONE].set_index(keys)
    second = rows[rows["modality"] == AIDED].set_index(keys)["called"]
    both = first.assign(second=second).dropna(subset="second").reset_index()
    lost = readings.rows.drop_duplicates(keys).shape[0] - len(both)
    said = [Said("no_advice_pairs", {"count": (lost, "count")}, caution=True)] if lost else []
    if both.empty:
        return Section("advice", (*said, Said("no_advice", caution=True))), ()
    both["advice"] = (both["ai"] >= ai_threshold).astype(int)
    both["first"], both["second"] = both["called"].astype(int), both["second"].astype(int)
    both["truth"] = both["truth"].astype(int)
    found = assistance(both, seed)
    names = [f.name for f in fields(Assistance) if f.name not in {"by_reader", "pooled"}]
    shown = [name for name in names if readings.sequential or name not in LOCKED_ONLY]
    shares = tuple((Word(name), getattr(found, name)) for name in shown if name not in _POINTS)
    gains = tuple((Word(name), getattr(found, name)) for name in _GAINS)
    heads = columns("reader", "answers:count", "corrected:count", "spoiled:count", "p_mcnemar:p")
    everyone = (*found.by_reader, found.pooled)
    changes = tuple(
        (Word("all") if one is found.pooled else one.reader, one.answers, one.corrected, one.spoiled, one.mcnemar)
        for one in everyone
    )
    sheets = (
        Sheet("accuracy", columns("measure", "share:share"), shares),
        Sheet("gains", columns("measure", "difference:points"), gains),
        Sheet("mcnemar", heads, changes),
    )
    forest = Forest("gains", tuple((name, value, False) for name, value in gains), "points", 0.0)
    findings = [Said("gain_finding", {name: (getattr(found, name), "points") for name in _GAINS})]
    if readings.sequential and not isinstance(found.automation_bias, Absent):
        bias: Measure = found.automation_bias
        findings.append(Said("bias_finding", {"bias": (bias, "share"), "benefit": (found.benefit, "share")}))
    said.append(Said("sequential_design" if readings.sequential else "crossover_design"))
    return Section("advice", tuple(said), (forest,), sheets), tuple(findings)
