"""The words of a slide's contact sheet."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from heatmaps.drawing import reading
from heatmaps.drawing.colours import AGAINST_RGB, FOR_RGB, HIGH_RGB
from heatmaps.drawing.contact_sheet import Cell, Group, contact_sheet
from heatmaps.drawing.scalebar import scale_bar
from heatmaps.drawing.tile_pictures import PICTURE_PX, field_px
from heatmaps.drawing.wording import percent
from heatmaps.slide.shown_tiles import apart_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heatmaps.methods.relevance import Relevance
    from heatmaps.slide.explained import ExplainedSlide
    from heatmaps.slide.shown_tiles import ShownTile

_NEUTRAL_RGB = (70, 70, 70)


def sheet_of(explained: ExplainedSlide, one: Relevance, tiles: Sequence[ShownTile]) -> bytes:
    """Return the contact sheet of one target as PNG bytes."""
    method, features, slide = explained.method, explained.features, explained.slide
    um_per_px = field_px(slide, features.tile_px_level0) * slide.mpp / PICTURE_PX
    apart_mm = apart_px(explained) * slide.mpp / 1000
    notes = (
        f"The frame is the tile of {features.tile_um:g} µm; around it lies its neighbourhood. Tiles of one side lie "
        f"at least {apart_mm:.2g} mm apart. Places are those of the tile's upper left corner, from the slide's.",
        f"Number: {method.title} ({method.unit}). Model {explained.model.sha256[:12]}, encoder {features.encoder}, "
        f"wsi-swarm {version('wsi-swarm')}. Research use only, not a diagnosis.",
    )
    return contact_sheet(
        f"{slide.id}: tiles that decided on {one.label}",
        f"{percent(one.probability)} probability of {one.label}; {reading.subtitle(one)}",
        [_group(explained, one, tiles, letter) for letter in ("FA" if method.signed else "TL")],
        notes,
        scale_bar(um_per_px, PICTURE_PX * 2),
    )


def _group(explained: ExplainedSlide, one: Relevance, tiles: Sequence[ShownTile], letter: str) -> Group:
    method = explained.method
    headings = {
        "F": f"F: strongest for {one.label}",
        "A": f"A: strongest against {one.label}",
        "T": f"T: highest {method.title}, {one.label}",
        "L": f"L: lowest {method.title}, {one.label}",
    }
    rgb = {"F": FOR_RGB, "A": AGAINST_RGB, "T": HIGH_RGB}.get(letter, _NEUTRAL_RGB)
    cells = []
    for tile in (tile for tile in tiles if tile.name[0] == letter):
        x, y = (explained.features.coords[tile.index] * explained.slide.mpp / 1000).tolist()
        number = reading.tile_number(method, float(one.values[tile.index]))
        unreadable = "" if tile.picture is not None else ", not readable"
        cells.append(Cell(tile.picture, tile.name, f"{number} at {x:.2f} mm, {y:.2f} mm{unreadable}"))
    return Group(headings[letter], "#{:02x}{:02x}{:02x}".format(*rgb), cells, "There is no such tile.")
