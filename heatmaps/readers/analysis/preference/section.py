"""Which of two heatmaps readers chose, how much, and whether the side mattered."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import pandas as pd
from scipy.stats import binomtest

from heatmaps.readers.analysis.clustered import for_other_readers, mean_over_cases
from heatmaps.readers.analysis.figures.kinds import Forest, Stacked
from heatmaps.readers.analysis.found import Said, Section, Sheet, columns
from heatmaps.readers.analysis.preference.choices import EQUAL, choices_of, points, tests
from heatmaps.readers.analysis.terms import Word
from heatmaps.readers.kit.questions import CANNOT_JUDGE
from heatmaps.readers.statistics.arms import holm_p
from heatmaps.readers.statistics.measures import Absent, Measure, Test
from heatmaps.readers.statistics.preferences import Preferences, bradley_terry
from models.evaluation.estimates import proportion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heatmaps.readers.analysis.answer_table import Answers
    from heatmaps.readers.analysis.found import Cell


def preference_section(answers: Answers, seed: int) -> tuple[Section, tuple[Said, ...]]:
    """Return wins, ties and losses of each pair with their tests, Bradley and Terry's strengths, and position bias."""
    rows = choices_of(answers)
    methods = sorted(set(rows["left"]) | set(rows["right"]))
    pairs = _pairs(rows, methods, seed)
    corrected = _holm([pair[8] for pair in pairs])
    counted = tuple((*pair[:9], holm, pair[9]) for pair, holm in zip(pairs, corrected, strict=True))
    bars = tuple((f"{p[0]} – {p[1]}", (p[2], p[3], p[4])) for p in pairs)
    made = bradley_terry(rows, methods[0], "excluded", seed)
    halved = bradley_terry(rows, methods[0], "half", seed)
    strengths, forest = _strengths(methods, made, halved)
    position = _position(rows, made)
    heads = ("first", "second", "wins:count", "ties:count", "losses:count", "cannot_judge:count", "net:points")
    tested = ("pair", "net_other_readers:points", "p_sign:p", "p_holm:p", "p_wilcoxon:p")
    reader = columns("reader", "first", "second", "wins:count", "ties:count", "losses:count", "left:share")
    sheets = (
        Sheet("preferences", columns(*heads), tuple(row[:7] for row in counted)),
        Sheet("preference_tests", columns(*tested), tuple((f"{r[0]} – {r[1]}", *r[7:]) for r in counted)),
        Sheet("strengths", columns("method", "strength:number", "strength_half:number"), strengths),
        Sheet("position", columns("measure", "left:share", "p:p", "alike:p"), ((Word("decisive"), *position),)),
        Sheet("preferences_by_reader", reader, tuple(_by_reader(rows, methods))),
    )
    figures = (Stacked("preferences", (Word("first"), Word("tie"), Word("second")), bars, ordered=False), forest)
    findings = [
        Said(
            "preference_finding",
            {
                **{name: (row[i], "text") for i, name in enumerate(("first", "second"))},
                **{name: (row[i], "count") for i, name in enumerate(("wins", "ties", "losses"), start=2)},
                "net": (row[6], "points"),
                "p": (row[9], "p"),
            },
        )
        for row in counted
    ]
    findings.append(Said("left_finding", {"share": (position[0], "share"), "p": (position[1], "p")}))
    return Section("preference", (), figures, sheets), tuple(findings)


def _pairs(rows: pd.DataFrame, methods: list[str], seed: int) -> list[tuple[Any, ...]]:
    """Return per pair: names, wins, ties, losses, not judged, net preference twice, sign and Wilcoxon's test."""
    found = []
    for first, second in combinations(methods, 2):
        own = rows[rows["left"].isin([first, second]) & rows["right"].isin([first, second])]
        if len(own):
            counts = (int((own["chosen"] == one).sum()) for one in (first, EQUAL, second, CANNOT_JUDGE))
            scored = points(own, first)
            net = mean_over_cases("net preference", scored, seed)
            found.append((first, second, *counts, net, _net_other_readers(scored, seed), *tests(scored)))
    return found


def _by_reader(rows: pd.DataFrame, methods: list[str]) -> Iterator[tuple[Cell, ...]]:
    for first, second in combinations(methods, 2):
        pair = rows[rows["left"].isin([first, second]) & rows["right"].isin([first, second])]
        for reader, own in pair.groupby("reader"):
            counts = (int((own["chosen"] == one).sum()) for one in (first, EQUAL, second))
            decisive = int(own["choice"].isin(["left", "right"]).sum())
            left = proportion(int((own["choice"] == "left").sum()), decisive, "decisive answer")
            yield (str(reader), first, second, *counts, left)


def _holm(tested: list[Test | Absent]) -> list[float | Absent]:
    corrected = iter(holm_p([one.p for one in tested if isinstance(one, Test)]))
    return [next(corrected) if isinstance(one, Test) else one for one in tested]


def _net_other_readers(points: pd.DataFrame, seed: int) -> Measure | Absent:
    """Return the net preference as a difference from 0, with an interval for other readers too."""
    zero = pd.concat([points.assign(arm="net"), points.assign(arm="none", rating=0.0)])
    return for_other_readers(zero, "net", "none", seed)[0]


def _strengths(
    methods: list[str], made: Preferences | Absent, halved: Preferences | Absent
) -> tuple[tuple[tuple[Cell, ...], ...], Forest]:
    rows: list[tuple[Cell, ...]] = [(methods[0], 0, 0)]
    drawn = []
    for k, method in enumerate(methods[1:]):
        strict: Measure | Absent = made if isinstance(made, Absent) else made.strengths[k]
        half: Measure | Absent = halved if isinstance(halved, Absent) else halved.strengths[k]
        rows.append((method, strict, half))
        drawn.append((f"{method} − {methods[0]}", strict, False))
    return tuple(rows), Forest("strengths", tuple(drawn), "number", 0.0)


def _position(rows: pd.DataFrame, made: Preferences | Absent) -> tuple[Cell, ...]:
    decisive = rows[rows["choice"].isin(["left", "right"])]
    on_left = int((decisive["choice"] == "left").sum())
    share = proportion(on_left, len(decisive), "decisive answer")
    test: Cell = Absent("no answer was decisive")
    if len(decisive):
        test = Test("exact binomial", None, (), float(binomtest(on_left, len(decisive)).pvalue))
    return share, test, made if isinstance(made, Absent) else made.equal
