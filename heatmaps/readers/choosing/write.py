"""The table of items and, where there is none yet, a study file beside it."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from heatmaps.readers.choosing.arms import read_arm
from heatmaps.readers.choosing.choose import LOWEST, OPPOSITE, RANDOM, Wanted, choose
from heatmaps.readers.choosing.cohort import read_cases
from heatmaps.readers.kit.build import example_study
from pipelines.errors import ConfigError
from pipelines.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from heatmaps.readers.choosing.arms import Arm
    from heatmaps.readers.choosing.choose import Chosen
    from heatmaps.readers.choosing.cohort import Case

COLUMNS = ("slide", "x", "y", "group", "kind", "patient", "centre", "class", "model", "score")
STUDY = "study.toml"
_PICTURE_PX, _SURROUNDINGS, _SMALLEST_PX = 640, 0.5, 64
"""Of the example study, and the least that a study file may say."""


@dataclass(frozen=True)
class Written:
    """What was written: table, study file if it is new, items by group, slides, patients; and what fell short."""

    table: Path
    study: Path | None
    groups: dict[str, int]
    slides: int
    patients: int
    short: tuple[str, ...]


def write_items(
    arms: Mapping[str, Path],
    target: str,
    slide_table: Path,
    slides: Path,
    out: Path,
    wanted: Wanted,
    clini: Path | None = None,
) -> Written:
    """Choose tiles and write the table that ``reader build`` takes.

    Parameters
    ----------
    arms : mapping of str to Path
        Folder of heatmaps by the arm's name.
    target : str
    slide_table, slides, clini : Path
        See ``heatmaps.readers.choosing.cohort.read_cases``.
    out : Path
        The table; a study file beside it is written if there is none.
    wanted : Wanted

    Raises
    ------
    ConfigError
        If the table is there already, or the arms, tables and slides do not fit.
    InputError
        If one of them can't be read.
    """
    if out.exists():
        raise ConfigError(f"{out} is there already, and kits may have been made of it; choose another --out")
    read = [read_arm(name, folder, target) for name, folder in arms.items()]
    labels = {scores.positive for arm in read for scores in arm.slides.values()}
    sizes = {round(scores.side_um, 6) for arm in read for scores in arm.slides.values()}
    if len(labels) > 1 or len(sizes) > 1:
        what = f"positive labels ({', '.join(sorted(labels))})" if len(labels) > 1 else f"tile sizes ({sizes}) in um"
        raise ConfigError(f"the heatmaps have different {what}; choose such as belong together")
    cases = read_cases(slide_table, slides, clini, target, labels.pop())
    chosen = choose(read, cases, wanted)
    write_text(out, table_text(chosen, read, cases))
    study = out.parent / STUDY
    new = not study.exists()
    if new:
        everything = [scores for arm in read for scores in arm.slides.values()]
        given = {scores.mpp for scores in everything if scores.mpp_given}
        # Several are more than a study file can say; reader build then asks for them.
        slide_mpp = given.pop() if len(given) == 1 else None
        write_text(study, study_text(out, slides, sizes.pop(), max(one.mpp for one in everything), slide_mpp))
    used = {one.slide for one in chosen}
    return Written(
        table=out,
        study=study if new else None,
        groups=dict(sorted(Counter(one.group for one in chosen).items())),
        slides=len(used),
        patients=len({cases[slide].patient for slide in used}),
        short=tuple(_shortages(chosen, read, wanted)),
    )


def _shortages(chosen: Sequence[Chosen], arms: Sequence[Arm], wanted: Wanted) -> Iterator[str]:
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


def study_text(table: Path, slides: Path, tile_um: float, mpp: float, slide_mpp: float | None = None) -> str:
    """Return the example study with this table, folder of slides and size of tiles.

    Parameters
    ----------
    table, slides : Path
    tile_um : float
        Side of a tile in µm.
    mpp : float
        Of the coarsest slide, in µm per level-0 px: pictures are no larger than that no slide has to be enlarged.
    slide_mpp : float, optional
        For slides whose files don't say their mpp.
    """
    try:
        folder = Path(os.path.relpath(slides, table.parent)).as_posix()
    except ValueError:  # another drive of Windows
        folder = slides.resolve().as_posix()
    known = "" if slide_mpp is None else f"slide_mpp = {slide_mpp!r}\n"
    text = example_study()
    picture_px = max(_SMALLEST_PX, min(_PICTURE_PX, int(tile_um * (1 + 2 * _SURROUNDINGS) / mpp)))
    for old, new in (
        ('table = "items.csv"', f"table = {json.dumps(table.name)}"),
        ('slides = "slides"', f"slides = {json.dumps(folder)}"),
        ("tile_um = 256.0", f"{known}tile_um = {float(tile_um)!r}"),
        (f"picture_px = {_PICTURE_PX}", f"picture_px = {picture_px}"),
    ):
        if old not in text:
            raise AssertionError(f"the example study has no line {old}")
        text = text.replace(old, new)
    return text
