"""Where the cohorts of a study come from: a kind for each layout that is read, and for each that is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsi_swarm.errors import ConfigError
from wsi_swarm.study.sources.drawn_expression import DrawnExpressionOptions, load_drawn_expression
from wsi_swarm.study.sources.drawn_slides import DrawnSlidesOptions, load_drawn_slides
from wsi_swarm.study.sources.expression import ExpressionOptions, load_expression
from wsi_swarm.study.sources.golub import GolubOptions, load_golub
from wsi_swarm.study.sources.options import Options, Place, parse_options
from wsi_swarm.study.sources.record import left_out
from wsi_swarm.study.sources.seed_paper import SeedPaperOptions, load_seed_paper
from wsi_swarm.study.sources.tables import SlidesOptions, TableOptions, load_slides, load_table
from wsi_swarm.study.sources.twins import refuse_shared_people

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wsi_swarm.study.types import Source

__all__ = ["KINDS", "Kind", "left_out", "load_source", "refuse_shared_people"]


@dataclass(frozen=True)
class Kind:
    """The options of a kind of source, and what reads or makes it."""

    options: type[Options]
    load: Callable[[Place, Any], Source]


KINDS: dict[str, Kind] = {
    "table": Kind(TableOptions, load_table),
    "slides": Kind(SlidesOptions, load_slides),
    "golub": Kind(GolubOptions, load_golub),
    "expression": Kind(ExpressionOptions, load_expression),
    "seed_paper": Kind(SeedPaperOptions, load_seed_paper),
    "drawn_expression": Kind(DrawnExpressionOptions, load_drawn_expression),
    "drawn_slides": Kind(DrawnSlidesOptions, load_drawn_slides),
}


def load_source(name: str, kind: str, options: Mapping[str, Any], data: Path, work: Path, seed: int) -> Source:
    """Read or make a cohort.

    Parameters
    ----------
    name
        Of the cohort.
    kind
        One of ``KINDS``.
    options
        What that kind takes.
    data
        Folder at which relative paths in ``options`` begin.
    work
        Folder of this cohort. What is made lies there and is found again; ``source.json`` says with which settings,
        and who was left out (``left_out``).
    seed
        Of what is drawn or chosen.

    Raises
    ------
    ConfigError
        If the kind or an option is unknown, missing or impossible, or ``work`` holds what other settings made.
    InputError
        If a file is missing or damaged.
    """
    if kind not in KINDS:
        msg = f"cohort '{name}': there is no kind '{kind}'; the kinds are {', '.join(KINDS)}"
        raise ConfigError(msg)
    found = KINDS[kind]
    return found.load(Place(name, data, work, seed), parse_options(found.options, name, kind, options))
