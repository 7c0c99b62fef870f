"""Which of two stands left or comes first: half of the items for a reader, and half of the readers for an item."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Half = int
"""0 or 1."""


def seeded(seed: int, *words: str) -> np.random.Generator:
    """Return a generator that follows from a seed and a purpose alone."""
    digest = hashlib.sha256("\0".join([str(seed), *words]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def halves_of_items(strata: Mapping[str, str], seed: int) -> dict[str, Half]:
    """Split items into two halves at random, equal in every stratum and in all to within one.

    Parameters
    ----------
    strata
        Item to the part within which the halves must be equal, for instance its group and truth.
    """
    generator = seeded(seed, "halves")
    half = int(generator.integers(2))
    found: dict[str, Half] = {}
    for stratum in sorted(set(strata.values())):
        members = sorted(item for item, its in strata.items() if its == stratum)
        for index in generator.permutation(len(members)):
            found[members[index]] = half
            # On over the end of a stratum, so that odd ones do not add up.
            half = 1 - half
    return found


def halves_of_readers(readers: Sequence[str], seed: int) -> dict[str, Half]:
    """Return which readers see everything the other way round; a reader more changes nothing for the others."""
    start = int(seeded(seed, "readers").integers(2))
    return {reader: (start + place) % 2 for place, reader in enumerate(readers)}


def halves_for_reader(
    own: Sequence[str], halves: Mapping[str, Half], flipped: Half, strata: Mapping[str, str], alone: set[str]
) -> dict[str, Half]:
    """Return a reader's halves.

    Where readers see different items, an item that nobody else sees moves over until each stratum is equal to within
    one. Shared items never move: they are balanced over readers.

    Parameters
    ----------
    own
        The reader's items.
    alone
        Items that only this reader sees.
    """
    found = {item: halves[item] ^ flipped for item in own}
    for stratum in sorted({strata[item] for item in own}):
        members = sorted(item for item in own if strata[item] == stratum)
        movable = [item for item in members if item in alone]
        surplus = sum(1 if found[item] else -1 for item in members)
        while abs(surplus) > 1:
            item = next((item for item in movable if found[item] == int(surplus > 0)), None)
            if item is None:
                break
            found[item] ^= 1
            surplus -= 2 if surplus > 0 else -2
    return found
