"""How plausible readers found each heatmap, from 1 to 5."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from heatmaps.readers.analysis.clustered import differences, for_other_readers, mean_over_cases
from heatmaps.readers.analysis.figures.kinds import Forest, Stacked
from heatmaps.readers.analysis.found import Said, Section, Sheet, columns
from heatmaps.readers.kit.questions import CANNOT_JUDGE
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from heatmaps.readers.analysis.answer_table import Answers
    from heatmaps.readers.analysis.found import Cell

_PLAUSIBLE = "plausible."


def plausible_section(answers: Answers, seed: int) -> tuple[Section, tuple[Said, ...]]:
    """Return each method's plausibility from 1 to 5, and the differences."""
    frame = answers.frame
    rows = frame[frame["question"].str.startswith(_PLAUSIBLE) & (frame["repeat_of"] == "")].copy()
    rows["arm"] = rows["question"].str.removeprefix(_PLAUSIBLE)
    strange = rows[~rows["answer"].isin([*"12345", CANNOT_JUDGE])]
    if len(strange):
        row = strange.iloc[0]
        raise ConfigError(
            f"{answers.file}: {row['reader']} answered {row['answer']!r} to {row['question']}; 1 to 5 can be"
        )
    rows["rating"] = pd.to_numeric(rows["answer"].replace(CANNOT_JUDGE, None)).astype(float)
    unsure = rows[rows["rating"].isna()]
    rows = rows.dropna(subset="rating")
    methods = sorted(set(rows["arm"]))
    cells: list[tuple[Cell, ...]] = []
    forest, bars = [], []
    for method in methods:
        own = rows[rows["arm"] == method]
        mean = mean_over_cases(method, own, seed)
        counts = tuple(int((own["rating"] == step).sum()) for step in range(1, 6))
        cells.append((method, mean, *counts, int((unsure["arm"] == method).sum())))
        forest.append((method, mean, False))
        bars.append((method, counts))
    compared = differences(rows, methods, seed)
    found = tuple(
        (d.first, d.second, d.difference, d.test, d.test if d.p_holm is None else d.p_holm,
         for_other_readers(rows, d.first, d.second, seed)[0])
        for d in compared
    )  # fmt: skip
    heads = columns(
        "first", "second", "difference_these_readers:steps", "p:p", "p_holm:p", "difference_other_readers:steps"
    )
    steps = tuple(f"answers_{n}:count" for n in range(1, 6))
    sheets = (
        Sheet("plausible", columns("method", "mean:mean", *steps, "cannot_judge:count"), tuple(cells)),
        Sheet("differences_plausible", heads, found),
    )
    lines = tuple((f"{d.first} − {d.second}", d.difference, False) for d in compared)
    figures = (
        Forest("plausible", tuple(forest), "mean", None, (1.0, 5.0)),
        Stacked("plausible_steps", tuple("12345"), tuple(bars), ordered=True),
        Forest("differences_plausible", lines, "steps", 0.0),
    )
    findings = tuple(
        Said(
            "plausible_finding",
            {"first": (d.first, "text"), "second": (d.second, "text"), "difference": (d.difference, "steps"),
             "p": (d.test if d.p_holm is None else d.p_holm, "p")},
        )
        for d in compared
    )  # fmt: skip
    return Section("plausible", (), figures, sheets), findings
