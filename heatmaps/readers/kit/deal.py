"""Which reader sees which items, in which order, and which twice. Pure: the same seed gives the same on any machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heatmaps.readers.kit.balance import seeded
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from heatmaps.readers.kit.study_file import Design


@dataclass(frozen=True)
class Turn:
    """One showing of an item."""

    item: str
    again: bool


def deal(
    groups: Mapping[str, str], readers: Sequence[str], design: Design, seed: int, session: str = ""
) -> dict[str, list[Turn]]:
    """Return what each reader sees, in order.

    Every group is spread evenly over a reader's order, so that a place in it says nothing of the group. Second showings
    come at least ``design.apart`` places after the first, and never two of them next to each other.

    Parameters
    ----------
    groups
        Item to group, training cases left out.
    readers
        Their codes.
    session
        Another session has the same items in another order.

    Raises
    ------
    ConfigError
        There are too few items for so many repeats so far apart.
    """
    everyone, rest = _shared(groups, design.shared, seeded(seed, "shared"))
    turns = {}
    for number, reader in enumerate(readers):
        generator = seeded(seed, "order", reader, *([session] if session else []))
        own = {item: groups[item] for item in [*everyone, *rest[number :: len(readers)]]}
        turns[reader] = _with_repeats(_spread(own, generator), own, design, generator, reader)
    return turns


def _shared(groups: Mapping[str, str], share: float, generator: np.random.Generator) -> tuple[list[str], list[str]]:
    everyone, rest = [], []
    for group in sorted(set(groups.values())):
        members = sorted(item for item, its in groups.items() if its == group)
        mixed = [members[index] for index in generator.permutation(len(members))]
        count = round(share * len(mixed))
        everyone += mixed[:count]
        rest += mixed[count:]
    return everyone, rest


def _spread(groups: Mapping[str, str], generator: np.random.Generator) -> list[str]:
    """Order items at random with each group spread evenly; every beginning of the order is balanced, too."""
    places: dict[str, float] = {}
    for group in sorted(set(groups.values())):
        members = sorted(item for item, its in groups.items() if its == group)
        jitter = generator.random(len(members))
        for place, index in enumerate(generator.permutation(len(members))):
            places[members[index]] = (place + jitter[place]) / len(members)
    return sorted(places, key=lambda item: (places[item], item))


def _with_repeats(
    order: list[str], groups: Mapping[str, str], design: Design, generator: np.random.Generator, reader: str
) -> list[Turn]:
    count = len(order)
    wanted = max(round(design.repeats * count), 1) if design.repeats > 0 else 0
    early = {item: place for place, item in enumerate(order) if place + design.apart <= count}
    if wanted > len(early):
        msg = (
            f"reader {reader} has {count} items, too few for {wanted} repeats at least {design.apart} places apart; "
            "give more items, or lower design.repeats or design.apart in the study file"
        )
        raise ConfigError(msg)
    again = _spread({item: groups[item] for item in early}, generator)[:wanted]
    after: dict[int, str] = {}
    # The latest first: each earlier item has all the gaps that a later one has, and more, so that one is always free.
    for item in sorted(again, key=lambda item: -early[item]):
        free = [gap for gap in range(early[item] + design.apart, count + 1) if gap not in after]
        after[free[int(generator.integers(len(free)))]] = item
    turns = []
    for gap, item in enumerate([*order, ""]):
        if gap in after:
            turns.append(Turn(after[gap], True))
        if item:
            turns.append(Turn(item, False))
    return turns
