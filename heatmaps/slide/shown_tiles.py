"""The tiles that are shown of one target: which, under what name, with what picture."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heatmaps.drawing.tile_pictures import bare_tile, tile_picture
from heatmaps.drawing.top_tiles import strongest
from heatmaps.slide.scores import number_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from heatmaps.methods.relevance import Relevance
    from heatmaps.slide.explained import ExplainedSlide

_COLUMNS = (
    "file",
    "target",
    "name",
    "side",
    "rank",
    "tile_id",
    "x0",
    "y0",
    "w0",
    "h0",
    "x_um",
    "y_um",
    "value",
    "unit",
)
SIDES = {"F": "for", "A": "against", "T": "highest", "L": "lowest"}
"""What the letters of the names stand for: signed methods have F and A, the others T and L."""


@dataclass(frozen=True)
class ShownTile:
    """One tile.

    Attributes
    ----------
    index : int
        Row of the feature file.
    name : str
        Letter and rank, such as F1; the same in report, contact sheet and files.
    picture : (320, 320, 3) uint8, optional
        The tile, framed, with its neighbourhood; None if the slide cannot be read there.
    bare : (tile_px, tile_px, 3) uint8, optional
        The tile as the model saw it.
    """

    index: int
    name: str
    picture: NDArray[np.uint8] | None
    bare: NDArray[np.uint8] | None

    @property
    def side(self) -> str:
        """What its letter stands for."""
        return SIDES[self.name[0]]


def apart_px(explained: ExplainedSlide) -> float:
    """Least distance of two shown tiles in level-0 px: their labels must not lie on each other either."""
    return max(2 * explained.features.tile_px_level0, 0.05 * max(explained.slide.size))


def shown_tiles(explained: ExplainedSlide, one: Relevance) -> list[ShownTile]:
    """Return the strongest tiles for and against (or the highest and the lowest), each side's best first.

    Tiles of one side lie apart from each other, so that one finding does not fill it. A tile that speaks for nothing
    is in none; on a small tissue there are fewer than asked for.
    """
    values = one.values
    letters = {"F": values, "A": -values} if explained.method.signed else {"T": values, "L": values.max() - values}
    side, coords = explained.features.tile_px_level0, explained.features.coords
    tile_px = int(explained.features.attrs["tile_px"])
    found: list[ShownTile] = []
    for letter, ordered in letters.items():
        taken = {tile.index for tile in found}
        chosen = strongest(ordered, coords, side, explained.options.top, apart=apart_px(explained) / side)
        for rank, index in enumerate((index for index in chosen if index not in taken), 1):
            x, y = coords[index].tolist()
            framed = tile_picture(explained.slide, x, y, side)
            bare = None if framed is None else bare_tile(explained.slide, x, y, side, tile_px)
            found.append(ShownTile(index, f"{letter}{rank}", framed, bare))
    return found


def tile_table(explained: ExplainedSlide, shown: Sequence[tuple[Relevance, str, Sequence[ShownTile]]]) -> str:
    """Return ``tiles.csv``: one row per shown tile of each target.

    Parameters
    ----------
    explained : ExplainedSlide
    shown : sequence of (relevance, start of the file names, tiles)

    Returns
    -------
    str
        CSV; ``file`` is empty for a tile without a picture, ``value`` is the tile's relevance in ``unit``.
    """
    side, mpp = explained.features.tile_px_level0, explained.features.mpp
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one, start, tiles in shown:
        for tile in tiles:
            x, y = explained.features.coords[tile.index].tolist()
            file = "" if tile.bare is None else f"{start}-{tile.name}.jpg"
            place = [x, y, number_text(side), number_text(side), number_text(x * mpp, 3), number_text(y * mpp, 3)]
            named = [file, one.target, tile.name, tile.side, tile.name[1:], tile.index]
            writer.writerow([*named, *place, f"{one.values[tile.index]:.12e}", explained.method.unit])
    return text.getvalue()
