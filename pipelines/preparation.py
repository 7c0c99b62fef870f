"""What may happen to a tile between reader and encoder; ``pipelines.stain`` makes the ones that do something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from pipelines.features import Tiles
    from pipelines.slides import Slide

AUGMENTED = "augment-"
"""Start of the folder name of an augmented feature set; its number follows, from 1."""


@dataclass(frozen=True)
class Variant:
    """One feature set that a preparation makes.

    Attributes
    ----------
    folder : subfolder of ``features/<encoder>``; "" for the set itself, such as "augment-1" for a further one.
    attrs : further attributes of its feature files, JSON values.
    """

    folder: str
    attrs: dict[str, Any]


class PrepareTile(Protocol):
    """Prepares the tiles of one slide. Pure, safe in threads, and small to send to another process."""

    def __call__(self, tile: np.ndarray, x: int, y: int) -> tuple[np.ndarray, ...]:
        """Return one (H, W, 3) uint8 picture per variant for the tile at level-0 ``x, y``."""
        ...


class Preparation(Protocol):
    """Prepares tiles.

    Attributes
    ----------
    name : suffix of the encoder's name, such as "macenko"; "" where the tile's look is not changed. Features made with
        another name are another kind of features and never mixed in training.
    parameters : all that the results depend on, as JSON values; where ``name`` is not "", "normaliser" of them is what
        makes the features another kind.
    variants : the feature sets that are made.
    """

    name: str
    parameters: dict[str, Any]
    variants: tuple[Variant, ...]

    def for_slide(self, slide: Slide, tiles: Tiles) -> PrepareTile:
        """Return what prepares the tiles of this slide.

        Raises
        ------
        InputError
            If the slide does not allow it, such as no stain to be estimated.
        """
        ...


class AsRead:
    """Tiles as they were read."""

    name = ""

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}
        self.variants = (Variant("", {}),)

    def for_slide(self, slide: Slide, tiles: Tiles) -> PrepareTile:
        """Return the identity."""
        return _as_read


def _as_read(tile: np.ndarray, x: int, y: int) -> tuple[np.ndarray, ...]:
    return (tile,)
