"""Whole slides for readers: two heatmaps of each (preference), or the model's result and heatmap (assistance)."""

from __future__ import annotations

import csv
import io
import os
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from heatmaps.readers.choosing.choose import common_slides, drawn, is_positive
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heatmaps.readers.choosing.arms import Arm
    from heatmaps.readers.choosing.choose import Wanted
    from heatmaps.readers.choosing.cohort import Case

PAIR_COLUMNS = ("slide", "target", "scores_a", "scores_b", "method_a", "method_b", "patient", "centre", "class")
CASE_COLUMNS = ("slide", "target", "scores", "ai", "truth", "patient", "centre", "class", "model")


def draw_slides(arms: Sequence[Arm], cases: Mapping[str, Case], wanted: Wanted) -> dict[str, bool]:
    """Return slides of both classes that all arms have, and whether each is positive; in the order of their names.

    Raises
    ------
    ConfigError
        If there is none, or arms have other tiles of one slide.
    """
    common = common_slides(arms, cases)
    found: dict[str, bool] = {}
    for positive, count, word in ((True, wanted.slides, "slides"), (False, wanted.opposite_slides, "opposite")):
        members = [slide for slide in common if is_positive(arms, cases, slide) == positive]
        found |= dict.fromkeys(drawn(members, cases, count, wanted.seed, word), positive)
    if not found:
        raise ConfigError("no slide is in all arms, in the slide table and in the slides' folder; make more heatmaps")
    return dict(sorted(found.items()))


def pair_table(
    arms: Sequence[Arm], cases: Mapping[str, Case], slides: Mapping[str, bool], target: str, out: Path
) -> str:
    """Return the table of a heatmap preference as CSV: every pair of arms on every slide.

    Raises
    ------
    ConfigError
        If there is only one arm.
    """
    if len(arms) < 2:
        raise ConfigError("a preference needs two heatmaps of each slide; give two arms with --arm NAME=FOLDER")
    rows = [
        (
            cases[slide].file,
            target,
            *(_relative(arm.slides[slide].table, out) for arm in pair),
            # A name that is a word of the page would be found in every kit by the proof of blinding.
            *(f"{arm.name}-map" for arm in pair),
            cases[slide].patient,
            cases[slide].centre,
            cases[slide].klass,
        )
        for slide in slides
        for pair in combinations(arms, 2)
    ]
    return _csv(PAIR_COLUMNS, rows)


def case_table(
    arms: Sequence[Arm], cases: Mapping[str, Case], slides: Mapping[str, bool], target: str, out: Path
) -> str:
    """Return the table of an AI assistance study as CSV: one row per slide.

    Raises
    ------
    ConfigError
        If there are several arms, a slide's true class is unknown, or all are of one class.
    """
    if len(arms) != 1:
        raise ConfigError(f"readers are helped by one model, and there are {len(arms)} arms; give one")
    if any(cases[slide].label is None for slide in slides):
        raise ConfigError("a study of AI assistance needs the true class of every slide; give --clini")
    if len(set(slides.values())) < 2:
        raise ConfigError("a study of AI assistance needs slides of both classes; give --opposite-slides")
    rows = []
    for slide in slides:
        case, said = cases[slide], arms[0].slides[slide]
        truth = str(case.label)
        place = (case.file, target, _relative(said.table, out), repr(said.probability), truth)
        rows.append((*place, case.patient, case.centre, case.klass, said.model_sha256[:12]))
    return _csv(CASE_COLUMNS, rows)


def _relative(path: Path, out: Path) -> str:
    """Return a path as the table's reader looks for it: from the table's folder."""
    try:
        return Path(os.path.relpath(path, out.parent)).as_posix()
    except ValueError:  # another drive of Windows
        return path.resolve().as_posix()


def _csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
