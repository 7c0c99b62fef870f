"""The table of items that ``reader build`` takes and, where there is none yet, a study file beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heatmaps.readers.choosing.arms import read_arm
from heatmaps.readers.choosing.choose import choose
from heatmaps.readers.choosing.cohort import read_cases
from heatmaps.readers.choosing.study import study_text
from heatmaps.readers.choosing.tiles import shortages, table_text
from heatmaps.readers.choosing.whole import case_table, draw_slides, pair_table
from pipelines.errors import ConfigError
from pipelines.files import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from heatmaps.readers.choosing.arms import Arm
    from heatmaps.readers.choosing.choose import Wanted
    from heatmaps.readers.choosing.cohort import Case
    from heatmaps.readers.kit.study_file import Template

STUDY = "study.toml"


@dataclass(frozen=True)
class Request:
    """What is to be chosen from.

    Attributes
    ----------
    template : Template
        Of the study: tiles, pairs of heatmaps of whole slides, or whole slides with the model's result.
    arms : mapping of str to Path
        Folder of heatmaps by the arm's name.
    target : str
    slide_table, slides, clini : Path
        See ``heatmaps.readers.choosing.cohort.read_cases``.
    wanted : Wanted
    """

    template: Template
    arms: Mapping[str, Path]
    target: str
    slide_table: Path
    slides: Path
    clini: Path | None
    wanted: Wanted


@dataclass(frozen=True)
class Written:
    """What was written: table, study file if it is new, items by group, slides, patients; and what fell short."""

    table: Path
    study: Path | None
    groups: dict[str, int]
    slides: int
    patients: int
    short: tuple[str, ...]


def write_items(asked: Request, out: Path) -> Written:
    """Choose, and write the table, and a study file beside it if there is none.

    Raises
    ------
    ConfigError
        If the table is there already, or the arms, tables and slides do not fit.
    InputError
        If one of them can't be read.
    """
    if out.exists():
        raise ConfigError(f"{out} is there already, and kits may have been made of it; choose another --out")
    arms = [read_arm(name, folder, asked.target) for name, folder in asked.arms.items()]
    labels = {scores.positive for arm in arms for scores in arm.slides.values()}
    sizes = {round(scores.side_um, 6) for arm in arms for scores in arm.slides.values()}
    if len(labels) > 1 or len(sizes) > 1:
        what = f"positive labels ({', '.join(sorted(labels))})" if len(labels) > 1 else f"tile sizes ({sizes}) in um"
        raise ConfigError(f"the heatmaps have different {what}; choose such as belong together")
    cases = read_cases(asked.slide_table, asked.slides, asked.clini, asked.target, labels.pop())
    if asked.template != "tile-plausibility":
        return _whole_slides(asked, arms, cases, sizes.pop(), out)
    chosen = choose(arms, cases, asked.wanted)
    write_text(out, table_text(chosen, arms, cases))
    used = {one.slide for one in chosen}
    return Written(
        table=out,
        study=_study(asked, arms, sizes.pop(), out),
        groups=dict(sorted(Counter(one.group for one in chosen).items())),
        slides=len(used),
        patients=len({cases[slide].patient for slide in used}),
        short=tuple(shortages(chosen, arms, asked.wanted)),
    )


def _whole_slides(asked: Request, arms: Sequence[Arm], cases: Mapping[str, Case], tile_um: float, out: Path) -> Written:
    slides = draw_slides(arms, cases, asked.wanted)
    text = pair_table if asked.template == "heatmap-preference" else case_table
    write_text(out, text(arms, cases, slides, asked.target, out))
    positive = sum(slides.values())
    short = []
    for what, found, wanted in (
        ("positive", positive, asked.wanted.slides),
        ("opposite", len(slides) - positive, asked.wanted.opposite_slides),
    ):
        if found < wanted:
            short.append(
                f"{found} of {wanted} {what} slides: there are no more that all arms, tables and folders share"
            )
    return Written(
        table=out,
        study=_study(asked, arms, tile_um, out),
        groups={"positive": positive, "opposite": len(slides) - positive},
        slides=len(slides),
        patients=len({cases[slide].patient for slide in slides}),
        short=tuple(short),
    )


def _study(asked: Request, arms: Sequence[Arm], tile_um: float, out: Path) -> Path | None:
    """Write the study file unless there is one; return it if it is new."""
    study = out.parent / STUDY
    if study.exists():
        return None
    everything = [scores for arm in arms for scores in arm.slides.values()]
    given = {scores.mpp for scores in everything if scores.mpp_given}
    # Several are more than a study file can say; reader build then asks for them.
    slide_mpp = given.pop() if len(given) == 1 else None
    write_text(
        study, study_text(asked.template, out, asked.slides, tile_um, max(one.mpp for one in everything), slide_mpp)
    )
    return study
