"""How the answers were given: how many, how fast, against which rules of the protocol. The same for all templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.analysis.answer_table import DEVIATIONS, Answers, pictures
from heatmaps.readers.analysis.found import Said, Section, Sheet, columns

if TYPE_CHECKING:
    import pandas as pd

    from heatmaps.readers.analysis.found import Cell


def quality(answers: Answers) -> Section:
    """Return a row per reader, of all answers including those that were left out, and what was left out."""
    everything = pictures(answers.all_rows)
    shown = [name for name in DEVIATIONS if everything["deviation"].str.contains(name, regex=False).any()]
    seconds = ("median_seconds:seconds", "quartile_1_seconds:seconds", "quartile_3_seconds:seconds")
    marks = (f"{name.replace(' ', '_')}:count" for name in shown)
    heads = columns(
        "reader", "pictures:count", "repeats:count", "skipped:count", *seconds, "changed_later:count", *marks
    )
    rows = tuple(_reader(str(reader), own, shown) for reader, own in everything.groupby("reader", sort=True))
    said = [
        Said("left_out", {"count": (count, "count"), "deviation": (name, "text")}, caution=True)
        for name, count in answers.left_out.items()
    ]
    marked = int((pictures(answers.frame)["deviation"] != "").sum())
    if marked:
        said.append(Said("marked_kept", {"count": (marked, "count")}, caution=True))
    if not answers.patients_named:
        said.append(Said("no_patients", caution=True))
    return Section("quality", tuple(said), (), (Sheet("readers", heads, rows),))


def _reader(reader: str, own: pd.DataFrame, shown: list[str]) -> tuple[Cell, ...]:
    seconds = own["seconds"].dropna()
    quartiles: list[Cell] = [float(seconds.quantile(q)) if len(seconds) else None for q in (0.5, 0.25, 0.75)]
    marks = own["deviation"].str.split("; ")
    return (
        reader,
        len(own),
        int((own["repeat_of"] != "").sum()),
        _skipped(own),
        *quartiles,
        int((own["edits"] > 0).sum()),
        *(int(marks.map(lambda found, name=name: name in found).sum()) for name in shown),
    )


def _skipped(own: pd.DataFrame) -> int:
    """Count places without an answer before the last answered one; what is missing at the end the table can't tell."""
    places = own["position"].dropna()
    return int(places.max()) - places.nunique() if len(places) else 0
