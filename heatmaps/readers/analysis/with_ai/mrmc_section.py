"""Areas, sensitivity and specificity with and without AI, over readers and cases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import roc_curve

from heatmaps.readers.analysis.figures.kinds import Forest, Roc
from heatmaps.readers.analysis.found import Said, Section, Sheet, columns
from heatmaps.readers.analysis.terms import Word
from heatmaps.readers.analysis.with_ai.readings import complete
from heatmaps.readers.statistics.crossed import Crossed, areas, crossed, shares_called
from heatmaps.readers.statistics.imrmc import imrmc_text
from heatmaps.readers.statistics.measures import Absent, Interval, Measure, within
from heatmaps.readers.statistics.mrmc import Mrmc, by_reader, obuchowski_rockette
from models.evaluation.estimates import Estimate
from models.evaluation.roc import delong_interval

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from heatmaps.readers.analysis.found import Cell
    from heatmaps.readers.analysis.terms import Unit
    from heatmaps.readers.analysis.with_ai.readings import Readings
    from heatmaps.readers.statistics.crossed import Covariances, Figures

MIN_PER_CLASS = 5
"""Cases of each class that areas need before they are shown."""

_GENERALISE = ("readers and cases", "cases", "readers")
_GRID = np.linspace(0.0, 1.0, 201)


def mrmc_section(
    readings: Readings, covariances: Covariances, title: str
) -> tuple[Section, tuple[Said, ...], dict[str, str]]:
    """Return the analysis of Obuchowski and Rockette, each reader's areas and curves, and the ``.imrmc`` file."""
    rows, lost = complete(readings.rows, ["truth", "likelihood"])
    said = [Said("incomplete_cases", {"count": (lost, "count")}, caution=True)] if lost else []
    why = _too_few(rows)
    if why:
        return Section("mrmc", (*said, Said("no_mrmc", {"why": (why, "text")}, caution=True))), (), {}
    study = crossed(rows.assign(score=rows["likelihood"]), case="case")
    figures: list[tuple[str, Crossed, Figures]] = [("auc", study, areas(study, covariances))]
    called, _ = complete(readings.rows, ["truth", "called"])
    if not _too_few(called):
        decided = crossed(called.assign(score=called["called"]))
        for name, truth in (("sensitivity", 1), ("specificity", 0)):
            figures.append((name, decided, shares_called(decided, 0.5, truth)))  # type: ignore[arg-type]
    table = tuple(_row(name, s, f, generalise) for name, s, f in figures for generalise in _GENERALISE)
    auc = figures[0][2]
    own = by_reader(study, auc)
    # Modalities stand in the alphabet's order: with AI first.
    per_reader = tuple(
        (reader, own[j], *(float(f.values[m, j]) for _, _, f in figures for m in (1, 0)))
        for j, reader in enumerate(study.readers)
    )
    shown = [f"{name}_{end}:number" for name, _, _ in figures for end in ("without", "with")]
    heads = columns("figure", "generalise", "difference:signed", "p:p", "without:number", "with:number")
    tests = columns("figure", "generalise", "f:number", "df1:count", "df2:number", "p:p")
    sheets = [
        Sheet("mrmc", heads, tuple((*row[:2], *row[4:6], *row[2:4]) for row in table)),
        Sheet("mrmc_tests", tests, tuple((*row[:2], *row[6:], row[5]) for row in table), minor=True),
        Sheet("mrmc_by_reader", columns("reader", "difference:signed", *shown), per_reader),
        _components(study, auc),
    ]
    # One reader can't speak for others, but for other cases.
    primary = table[0 if len(study.readers) > 1 else 1 :: len(_GENERALISE)]
    lines = [*((reader, one, False) for reader, one in zip(study.readers, own, strict=True))]
    lines.append((primary[0][1], primary[0][4], True))  # type: ignore[arg-type]
    drawn = (_curves(study), Forest("auc_differences", tuple(lines), "signed", 0.0))
    findings = [_told(name, row) for (name, _, _), row in zip(figures, primary, strict=True)]
    alone = _ai_alone(rows)
    if alone is not None:
        findings.append(Said("ai_alone", {"auc": (alone, "number")}))
    section = Section("mrmc", (*said, _decisions_by(readings)), drawn, tuple(sheets))
    return section, tuple(findings), {"readings.imrmc": imrmc_text(study, title)}


def _told(name: str, row: tuple[Cell, ...]) -> Said:
    parts: tuple[tuple[str, Unit], ...] = (
        ("without", "number"),
        ("with", "number"),
        ("difference", "signed"),
        ("p", "p"),
    )
    values = {part: (cell, unit) for (part, unit), cell in zip(parts, row[2:6], strict=True)}
    return Said(f"{name}_finding", {**values, "whom": (row[1], "text")})


def _decisions_by(readings: Readings) -> Said:
    return Said("called_by_question" if readings.by_question else "called_by_threshold")


def _too_few(rows: pd.DataFrame) -> str:
    truths = rows.drop_duplicates("case")["truth"]
    positive, negative = int((truths == 1).sum()), int((truths == 0).sum())
    if min(positive, negative) >= MIN_PER_CLASS:
        return ""
    return f"{positive} + {negative} < {MIN_PER_CLASS} + {MIN_PER_CLASS}"


def _row(name: str, study: Crossed, figures: Figures, generalise: str) -> tuple[Cell, ...]:
    found = obuchowski_rockette(study, figures, generalise)  # type: ignore[arg-type]
    whom = Word(generalise.replace(" ", "_"))
    if not isinstance(found, Mrmc):
        return (Word(name), whom, *[found] * 4, None, None, None)
    aided, alone = (_cut(one, 0.0) for one in found.modalities)
    difference = _cut(found.differences[0], -1.0)
    if isinstance(found.test, Absent):
        return (Word(name), whom, alone, aided, difference, found.test, None, None, None)
    df1, df2 = (*found.test.df, None)[:2]
    return (Word(name), whom, alone, aided, difference, found.test, found.test.statistic, df1, df2)


def _cut(measure: Measure, floor: float) -> Measure:
    """Cut an interval at the ends of its scale, which t reaches beyond with few readers."""
    ends = measure.interval
    if isinstance(ends, Absent):
        return measure
    return replace(measure, interval=Interval(*within(ends.low, ends.high, floor, 1.0), ends.method))


def _components(study: Crossed, figures: Figures) -> Sheet:
    found = obuchowski_rockette(study, figures, "cases")
    names = ("ms_modality", "ms_reader", "ms_both", "variance", "cov1", "cov2", "cov3", "var_reader", "var_both")
    rows = () if isinstance(found, Absent) else tuple((name, getattr(found.components, name)) for name in names)
    return Sheet("components", columns("component", "value:precise"), rows, minor=True)


def _ai_alone(rows: pd.DataFrame) -> Measure | None:
    cases = rows.drop_duplicates("case").dropna(subset="ai")
    found = delong_interval(cases["truth"].to_numpy(int), cases["ai"].to_numpy()) if len(cases) else None
    if not isinstance(found, Estimate):
        return None
    return Measure("AUC of the AI", found.value, Interval(found.low, found.high, found.method), len(cases), 0)


def _curves(study: Crossed) -> Roc:
    panels = [
        (reader, tuple(_corners(study.truth, study.scores[m, j]) for m in (1, 0)))
        for j, reader in enumerate(study.readers)
    ]
    mean = tuple(
        tuple(zip(map(float, _GRID), map(float, _average([p[1][k] for p in panels])), strict=True)) for k in (0, 1)
    )
    everyone: tuple[str | Word, tuple[tuple[tuple[float, float], ...], ...]] = (Word("average"), mean)
    return Roc("roc", (Word("alone"), Word("aided")), (*panels, everyone))


def _corners(truth: NDArray[np.int_], scores: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    x, y, _ = roc_curve(truth, scores)
    return tuple((float(a), float(b)) for a, b in zip(x, y, strict=True))


def _average(curves: list[tuple[tuple[float, float], ...]]) -> NDArray[np.float64]:
    """Return the mean sensitivity at each false positive rate; its area is the readers' mean area."""
    return np.mean([np.interp(_GRID, *np.array(curve).T) for curve in curves], axis=0)
