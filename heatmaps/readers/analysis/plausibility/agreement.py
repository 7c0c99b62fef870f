"""Whether readers of a plausibility study agree with each other, and each with himself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.analysis.clustered import MIN_ITEMS, few_items, items_by_readers
from heatmaps.readers.analysis.figures.kinds import Forest
from heatmaps.readers.analysis.found import Said, Section, Sheet, columns
from heatmaps.readers.analysis.plausibility.tiles import STEPS, any_counted, first_showings, once
from heatmaps.readers.analysis.terms import Word
from heatmaps.readers.statistics.agreement import fleiss_kappa, gwet_ac, krippendorff_alpha, percent_agreement
from heatmaps.readers.statistics.icc import icc
from heatmaps.readers.statistics.kappa import cohen_kappa
from heatmaps.readers.statistics.repeats import self_agreement

if TYPE_CHECKING:
    import pandas as pd

    from heatmaps.readers.analysis.found import Cell
    from heatmaps.readers.analysis.plausibility.tiles import Tiles
    from heatmaps.readers.statistics.measures import Absent, Measure

_TICKS = ("shared:count", "percent:share", "cohen:number", "fleiss:number", "ac1:number", "alpha:number")
_SCALE = (
    "question",
    "shared:count",
    "percent:share",
    "kappa_quadratic:number",
    "ac2:number",
    "alpha_ordinal:number",
    "icc:number",
)


def agreement_section(tiles: Tiles, seed: int) -> tuple[Section, tuple[Said, ...]]:
    """Return agreement between readers per feature and of the scale, and each reader's with himself."""
    readers = len(set(tiles.ticks["reader"]) | set(tiles.scale["reader"]))
    sheets, figures, findings = [], [], []
    said: list[Said] = []
    if readers < 2:
        said.append(Said("one_reader", caution=True))
    else:
        questions = _questions(tiles)
        ticks = tuple((name, *_ticks(rows, seed)) for name, rows in questions)
        # Cohen's kappa is of two readers; with more its column would hold nothing but that.
        kept = [i for i, name in enumerate(("feature", *_TICKS)) if readers == 2 or name != "cohen:number"]
        heads = columns(*(("feature", *_TICKS)[i] for i in kept))
        sheets.append(Sheet("agreement_features", heads, tuple(tuple(row[i] for i in kept) for row in ticks)))
        drawn = tuple((row[0], row[5], isinstance(row[0], Word)) for row in ticks)
        figures.append(Forest("agreement_ac1", drawn, "number", 0.0, (-0.25, 1.0)))  # type: ignore[arg-type]
        if questions and isinstance(questions[0][0], Word):
            findings.append(Said("agreement_any", {"percent": (ticks[0][2], "share"), "ac1": (ticks[0][5], "number")}))
        if tiles.scale_name:
            own = _scale(once(first_showings(tiles.scale).dropna(subset="rating")), seed)
            sheets.append(Sheet("agreement_scale", columns(*_SCALE), ((tiles.scale_name, *own),)))
            findings.append(Said("agreement_scale", {"alpha": (own[4], "number"), "icc": (own[5], "number")}))
    repeated = _repeats(tiles)
    sheets.append(Sheet("repeats", columns("reader", "question", "equal:share", "kappa:number"), repeated))
    if not repeated:
        said.append(Said("no_repeats", caution=True))
    return Section("agreement", tuple(said), tuple(figures), tuple(sheets)), tuple(findings)


def _questions(tiles: Tiles) -> list[tuple[str | Word, pd.DataFrame]]:
    own = [(name, tiles.ticks[tiles.ticks["question"] == name]) for name in tiles.features]
    summed = [(Word("any_feature"), any_counted(tiles))] if tiles.counted else []
    return [(name, once(first_showings(rows))) for name, rows in (*summed, *own)]


def _ticks(rows: pd.DataFrame, seed: int) -> tuple[Cell, ...]:
    table, cases, shared = items_by_readers(rows)
    if shared < MIN_ITEMS:
        return (shared, *[few_items(shared)] * 5)
    kinds = (0.0, 1.0)
    return (
        shared,
        percent_agreement(table, seed=seed, clusters=cases),
        cohen_kappa(table, categories=kinds, clusters=cases, seed=seed),
        fleiss_kappa(table, seed=seed, categories=kinds, clusters=cases),
        gwet_ac(table, seed=seed, categories=kinds, clusters=cases),
        krippendorff_alpha(table, seed=seed, level="nominal", categories=kinds, clusters=cases),
    )


def _scale(rows: pd.DataFrame, seed: int) -> tuple[Cell, ...]:
    table, cases, shared = items_by_readers(rows)
    if shared < MIN_ITEMS:
        return (shared, *[few_items(shared)] * 5)
    steps = tuple(map(float, STEPS))
    kappa: Measure | Absent = (
        cohen_kappa(table, weighting="quadratic", categories=steps, clusters=cases, seed=seed)
        if table.shape[1] == 2
        else fleiss_kappa(table, seed=seed, weighting="quadratic", categories=steps, clusters=cases)
    )
    return (
        shared,
        percent_agreement(table, seed=seed, clusters=cases),
        kappa,
        gwet_ac(table, seed=seed, categories=steps, weighting="quadratic", clusters=cases),
        krippendorff_alpha(table, seed=seed, level="ordinal", categories=steps, clusters=cases),
        icc(table, "ICC(2,1)"),
    )


def _repeats(tiles: Tiles) -> tuple[tuple[Cell, ...], ...]:
    rows: list[tuple[Cell, ...]] = []
    questions: list[tuple[str | Word, pd.DataFrame, tuple[float, ...]]] = []
    if tiles.scale_name:
        questions.append((tiles.scale_name, tiles.scale, tuple(map(float, STEPS))))
    if tiles.counted:
        questions.append((Word("any_feature"), any_counted(tiles), (0.0, 1.0)))
    questions += [(name, tiles.ticks[tiles.ticks["question"] == name], (0.0, 1.0)) for name in tiles.features]
    for name, answers, categories in questions:
        again = once(answers[answers["repeat_of"] != ""])
        first = once(first_showings(answers))[["reader", "item", "rating"]]
        both = first.merge(again, left_on=["reader", "item"], right_on=["reader", "repeat_of"], suffixes=("", "_again"))
        both = both.rename(columns={"rating": "first", "rating_again": "second"})
        rows += [(own.reader, name, own.equal, own.kappa) for own in self_agreement(both, categories)]
    return tuple(rows)
