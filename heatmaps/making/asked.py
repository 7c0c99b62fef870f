"""What a person asked of ``heatmap``: options from words, and combinations that make no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.slide.options import Options
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from heatmaps.drawing.render import Underlay

COHORT = "cohort"
"""The word for one scale over all slides."""


def options_of(
    underlay: Underlay, clip: str | None, method: str, occlude: int | None, top: int
) -> tuple[Options, bool]:
    """Return the options, and whether all slides of a cohort share one scale.

    Raises
    ------
    ConfigError
        If ``clip`` is neither a positive number nor the word cohort, or another option is out of range.
    """
    one_scale = clip == COHORT
    try:
        number = None if clip is None or one_scale else float(clip)
    except ValueError as error:
        msg = f"--clip is {clip!r}; give a positive number in the method's unit, or the word {COHORT}"
        raise ConfigError(msg) from error
    options = Options(underlay=underlay, clip=number, method=method, occlude=occlude, top=top)
    options.check()
    return options, one_scale


def refuse_combinations(
    slide: Path | None, features: Path | None, cohort: Path | None, slides: Path | None, one_scale: bool
) -> None:
    """Raise ``ConfigError`` if what is asked for one slide and what for a cohort are mixed, or something is missing."""
    if cohort is None:
        if features is None:
            raise ConfigError("--features is missing; give the feature file of the slide, or --cohort for many slides")
        if features.is_dir():
            msg = (
                f"--features {features} is a folder; name the feature file of the slide, or give the folder to --cohort"
            )
            raise ConfigError(msg)
        if slides is not None:
            msg = f"--slides {slides} goes with --cohort; name the one slide as SLIDE, in front of the options"
            raise ConfigError(msg)
        if one_scale:
            raise ConfigError("--clip cohort takes one scale over many slides; give --cohort, or a number as --clip")
        return
    if slide is not None:
        msg = f"{slide} is one slide and --cohort {cohort} names many; leave one of them out"
        raise ConfigError(msg)
    if not cohort.exists():
        msg = f"--cohort {cohort} does not exist; name a slide table (PATIENT, FILENAME) or a folder of feature files"
        raise ConfigError(msg)
