"""The tiles of a plausibility study: the top tiles of each arm, and controls that belong to no arm. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from heatmaps.methods import METHODS
from heatmaps.readers.choosing.pick import pick
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heatmaps.readers.choosing.arms import Arm
    from heatmaps.readers.choosing.cohort import Case

LOWEST, RANDOM, OPPOSITE = "control-lowest", "control-random", "control-opposite"
"""Groups of the controls."""


@dataclass(frozen=True)
class Wanted:
    """How many tiles of which kind.

    Attributes
    ----------
    slides : int
        Slides of the positive class.
    top : int
        Top tiles of each arm on each of them.
    lowest, random : int
        Controls on each of them.
    opposite_slides, opposite : int
        Slides of the other class, and on each of them tiles that speak most strongly for that class.
    apart : float
        Least distance in tile sides.
    seed : int
        Draws the slides and the random tiles.
    """

    slides: int = 20
    top: int = 3
    lowest: int = 1
    random: int = 1
    opposite_slides: int = 0
    opposite: int = 1
    apart: float = 2.0
    seed: int = 1


@dataclass(frozen=True)
class Chosen:
    """One tile, and the arms that chose it (none: a control)."""

    slide: str
    index: int
    group: str
    arms: tuple[str, ...] = ()


def choose(arms: Sequence[Arm], cases: Mapping[str, Case], wanted: Wanted) -> list[Chosen]:
    """Choose tiles by slide and place, so that their order tells nothing.

    A tile that several arms chose is one item, whose group names them all: ``a-top+b-top``.

    Raises
    ------
    ConfigError
        If the arms do not fit each other, no slide of the class is common to all, or opposite tiles are wanted of
        a method that has no sign.
    """
    _refuse_other_methods(arms, wanted)
    common = common_slides(arms, cases)
    chosen: list[Chosen] = []
    for slide in drawn([s for s in common if is_positive(arms, cases, s)], cases, wanted.slides, wanted.seed, "slides"):
        chosen += _of_positive(arms, slide, wanted)
    others = [slide for slide in common if not is_positive(arms, cases, slide)]
    for slide in drawn(others, cases, wanted.opposite_slides, wanted.seed, "opposite"):
        first = arms[0].slides[slide]
        against = np.argsort(_mean_rank(arms, slide), kind="stable").tolist()
        found = pick(against, first.coords, first.side, wanted.opposite, wanted.apart)
        chosen += [Chosen(slide, index, OPPOSITE) for index in found]
    if not any(one.arms for one in chosen):
        raise ConfigError(
            f"none of the {len(common)} slides that all arms, the slide table and the slides' folder share is of "
            "the positive class with a tile that speaks for it; make heatmaps of more slides"
        )
    return sorted(chosen, key=lambda one: (one.slide, one.index))


def _of_positive(arms: Sequence[Arm], slide: str, wanted: Wanted) -> list[Chosen]:
    coords, side = arms[0].slides[slide].coords, arms[0].slides[slide].side
    by_tile: dict[int, list[str]] = {}
    for arm in arms:
        values = arm.slides[slide].values
        order = [index for index in np.argsort(-values, kind="stable").tolist() if values[index] > 0]
        for index in pick(order, coords, side, wanted.top, wanted.apart):
            by_tile.setdefault(index, []).append(arm.name)
    found = [
        Chosen(slide, index, "+".join(f"{name}-top" for name in names), tuple(names))
        for index, names in by_tile.items()
    ]
    # By the mean over all arms, so that a control is nobody's.
    lowest = np.argsort(_mean_rank(arms, slide), kind="stable").tolist()
    low = pick(lowest, coords, side, wanted.lowest, wanted.apart, by_tile)
    found += [Chosen(slide, index, LOWEST) for index in low]
    mixed = _generator(wanted.seed, "random", slide).permutation(len(coords)).tolist()
    free = pick(mixed, coords, side, wanted.random, wanted.apart, [*by_tile, *low])
    return found + [Chosen(slide, index, RANDOM) for index in free]


def common_slides(arms: Sequence[Arm], cases: Mapping[str, Case]) -> list[str]:
    """Return the slides that everything knows of, sorted; ``ConfigError`` where arms have other tiles of one slide."""
    common = sorted(set.intersection(*(set(arm.slides) for arm in arms)) & set(cases))
    for slide in common:
        first = arms[0].slides[slide]
        for arm in arms[1:]:
            other = arm.slides[slide]
            if not np.array_equal(first.coords, other.coords) or abs(first.side - other.side) > 1e-6:
                raise ConfigError(
                    f"{slide}: the tiles of {arms[0].name} and {arm.name} are not the same; explain both models "
                    "with features of one tiling"
                )
    return common


def _refuse_other_methods(arms: Sequence[Arm], wanted: Wanted) -> None:
    methods = {arm.method: arm.name for arm in arms}
    if len(methods) > 1:
        listed = ", ".join(f"{name} by {method}" for method, name in methods.items())
        raise ConfigError(f"arms are explained by different methods ({listed}); make all heatmaps with one --method")
    if wanted.opposite_slides and not METHODS[arms[0].method].signed:
        raise ConfigError(
            f"the method {arms[0].method} does not say what speaks against a class; leave out --opposite-slides, or "
            "make the heatmaps with --method contribution"
        )


def is_positive(arms: Sequence[Arm], cases: Mapping[str, Case], slide: str) -> bool:
    """Tell the class: as the clinical table has it, or else as the arms say on average."""
    label = cases[slide].label
    if label is not None:
        return bool(label)
    return float(np.mean([arm.slides[slide].probability for arm in arms])) >= 0.5


def drawn(slides: Sequence[str], cases: Mapping[str, Case], count: int, seed: int, word: str) -> list[str]:
    """Draw slides at random: no patient's second slide before every patient's first."""
    mixed = [slides[int(at)] for at in _generator(seed, word).permutation(len(slides)).tolist()]
    seen: dict[str, int] = {}
    turns = []
    for place, slide in enumerate(mixed):
        patient = cases[slide].patient
        turns.append((seen.get(patient, 0), place, slide))
        seen[patient] = seen.get(patient, 0) + 1
    return [slide for _, _, slide in sorted(turns)[:count]]


def _mean_rank(arms: Sequence[Arm], slide: str) -> np.ndarray:
    return np.mean([rankdata(arm.slides[slide].values) for arm in arms], axis=0)


def _generator(seed: int, *words: str) -> np.random.Generator:
    digest = hashlib.sha256("\0".join([str(seed), *words]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
