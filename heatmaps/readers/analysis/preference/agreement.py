"""Whether readers choose the same heatmap, and each the same one again."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from heatmaps.readers.analysis.clustered import MIN_ITEMS, few_items, items_by_readers
from heatmaps.readers.analysis.found import Said, Section, Sheet, columns
from heatmaps.readers.analysis.preference.choices import EQUAL, choices_of
from heatmaps.readers.kit.questions import CANNOT_JUDGE
from heatmaps.readers.statistics.agreement import fleiss_kappa, gwet_ac, krippendorff_alpha, percent_agreement
from heatmaps.readers.statistics.repeats import self_agreement

if TYPE_CHECKING:
    import pandas as pd

    from heatmaps.readers.analysis.answer_table import Answers
    from heatmaps.readers.analysis.found import Cell

_PAIR = columns("pair", "shared:count", "percent:share", "fleiss:number", "ac1:number", "alpha:number")


def choice_agreement(answers: Answers, seed: int) -> tuple[Section, tuple[Said, ...]]:
    """Return agreement on each pair, and of each reader with the own first choices; "cannot judge" is no choice."""
    rows = choices_of(answers, repeats=True)
    rows = rows[rows["chosen"] != CANNOT_JUDGE]
    first, again = rows[rows["repeat_of"] == ""], rows[rows["repeat_of"] != ""]
    methods = sorted(set(rows["left"]) | set(rows["right"]))
    pairs = []
    for one, other in combinations(methods, 2):
        own = first[first["left"].isin([one, other]) & first["right"].isin([one, other])]
        if len(own):
            pairs.append((f"{one} – {other}", *_coefficients(own, (one, EQUAL, other), seed)))
    both = first.merge(again, left_on=["reader", "item"], right_on=["reader", "repeat_of"], suffixes=("", "_again"))
    both = both[["reader", "item", "chosen", "chosen_again"]].set_axis(["reader", "item", "first", "second"], axis=1)
    repeated = tuple((a.reader, a.equal, a.kappa) for a in self_agreement(both, (EQUAL, *methods), "nominal"))
    said = []
    if rows["reader"].nunique() < 2:
        said.append(Said("one_reader", caution=True))
        pairs = []
    if not repeated:
        said.append(Said("no_repeats", caution=True))
    sheets = (
        Sheet("agreement_choices", _PAIR, tuple(pairs)),
        Sheet("repeats_choices", columns("reader", "equal:share", "kappa:number"), repeated),
    )
    return Section("agreement", tuple(said), (), sheets), ()


def _coefficients(own: pd.DataFrame, categories: tuple[str, str, str], seed: int) -> tuple[Cell, ...]:
    table, cases, shared = items_by_readers(own, "chosen")
    if shared < MIN_ITEMS:
        return (shared, *[few_items(shared)] * 4)
    return (
        shared,
        percent_agreement(table, seed=seed, clusters=cases),
        fleiss_kappa(table, seed=seed, categories=categories, clusters=cases),
        gwet_ac(table, seed=seed, categories=categories, clusters=cases),
        krippendorff_alpha(table, seed=seed, level="nominal", categories=categories, clusters=cases),
    )
