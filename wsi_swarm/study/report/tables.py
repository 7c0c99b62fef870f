"""Mean, standard deviation and range over the repeats of every metric of every model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.evaluation.wording import NONE, interval, number
from wsi_swarm.study.report.frame import METRICS, why_undefined

if TYPE_CHECKING:
    from wsi_swarm.study.report.frame import Column, Panel, Table


@dataclass(frozen=True)
class Summary:
    """A number over the repeats, as text: mean with SD, range below it, and the letters of its notes."""

    mean: str
    spread: str
    note: str = ""


@dataclass(frozen=True)
class ModelLine:
    """One model's line: its name, its arm, its training patients, its metrics in the order of ``METRICS``."""

    name: str
    arm: str
    n_train: Summary
    cells: tuple[Summary, ...]


@dataclass(frozen=True)
class MetricTable:
    """One panel as a table; ``notes`` are letters with the reasons of what is missing."""

    panel: Panel
    test: str
    repeats: int
    lines: tuple[ModelLine, ...]
    notes: tuple[tuple[str, str], ...]


def metric_table(panel: Panel) -> MetricTable:
    """Summarise a panel."""
    reasons: dict[str, str] = {}
    lines = []
    for model in panel.models:
        rows = panel.of(model)
        cells = tuple(_metric(rows, metric, reasons) for metric in METRICS)
        lines.append(ModelLine(model.name, model.arm, _count(rows["n_train"]), cells))
    notes = tuple((letter, reason) for reason, letter in reasons.items())
    return MetricTable(panel, judged_on(panel), int(panel.rows["repeat"].nunique()), tuple(lines), notes)


def judged_on(panel: Panel) -> str:
    """Say what a panel was judged on, and how many patients that were."""
    rows = panel.rows.drop_duplicates("repeat")
    return f"{panel.test or 'test set'}: {_range(rows['n_test'])} patients, {_range(rows['test_positive'])} positive"


def _metric(rows: Table, metric: str, reasons: dict[str, str]) -> Summary:
    values = rows[metric].dropna()
    note = ""
    if len(values) < len(rows):
        reason = why_undefined(rows[rows[metric].isna()], metric)
        lacking = len(rows) - len(values)
        times = "in every repeat" if values.empty else f"in {lacking} of {len(rows)} repeats, which are left out"
        text = f"not defined {times}: {reason}"
        note = reasons.setdefault(text, _letter(len(reasons)))
    if values.empty:
        return Summary(NONE, "", note)
    if len(values) == 1:
        return Summary(number(float(values.iloc[0])), "one value", note)
    mean = f"{number(float(values.mean()))} ± {number(float(values.std(ddof=1)))}"
    return Summary(mean, interval(float(values.min()), float(values.max())), note)


def _count(values: Column) -> Summary:
    known = values.dropna()
    if known.empty:
        return Summary(NONE, "")
    if known.nunique() == 1:
        return Summary(f"{known.iloc[0]:.0f}", "")
    mean = f"{known.mean():.1f} ± {known.std(ddof=1):.1f}"
    return Summary(mean, f"{known.min():.0f} to {known.max():.0f}")


def _range(values: Column) -> str:
    known = values.dropna()
    if known.empty:
        return "an unknown number of"
    low, high = int(known.min()), int(known.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _letter(index: int) -> str:
    return chr(ord("a") + index) if index < 26 else f"a{index}"
