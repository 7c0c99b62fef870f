"""The table of chosen tiles, and where there are fewer than were asked for."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from heatmaps.readers.choosing.choose import LOWEST, OPPOSITE, RANDOM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from heatmaps.readers.choosing.arms import Arm
    from heatmaps.readers.choosing.choose import Chosen, Wanted
    from heatmaps.readers.choosing.cohort import Case

COLUMNS = ("slide", "x", "y", "group", "kind", "patient", "centre", "class", "model", "score")


def shortages(chosen: Sequence[Chosen], arms: Sequence[Arm], wanted: Wanted) -> Iterator[str]:
    """Say where there are fewer items than were asked for."""
    slides = len({one.slide for one in chosen if one.group != OPPOSITE})
    others = len({one.slide for one in chosen if one.group == OPPOSITE})
    for what, found, asked in (("positive", slides, wanted.slides), ("opposite", others, wanted.opposite_slides)):
        if found < asked:
            yield f"{found} of {asked} {what} slides: there are no more that all arms, tables and folders share"
    goals = [(arm.name, sum(arm.name in one.arms for one in chosen), slides * wanted.top) for arm in arms]
    for group, each, on in (
        (LOWEST, wanted.lowest, slides),
        (RANDOM, wanted.random, slides),
        (OPPOSITE, wanted.opposite, others),
    ):
        goals.append((group, sum(one.group == group for one in chosen), each * on))
    for name, found, asked in goals:
        if found < asked:
            yield f"{name}: {found} of {asked} tiles; slides have too little tissue or too few tiles for the class"


def table_text(chosen: Sequence[Chosen], arms: Sequence[Arm], cases: Mapping[str, Case]) -> str:
    """Return the table as CSV text."""
    by_name = {arm.name: arm for arm in arms}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in chosen:
        case, places = cases[one.slide], arms[0].slides[one.slide].coords
        said = [by_name[name].slides[one.slide] for name in one.arms]
        x, y = places[one.index].tolist()
        # Many digits: the proof of blinding looks for each score in the kits, and a short one is there by chance.
        scores = " ".join(f"{scores.values[one.index]:.6e}" for scores in said)
        models = " ".join(scores.model_sha256[:12] for scores in said)
        kind = "study" if one.arms else "control"
        row = (case.file, f"{x:g}", f"{y:g}", one.group, kind, case.patient, case.centre, case.klass, models, scores)
        writer.writerow(row)
    return text.getvalue()
