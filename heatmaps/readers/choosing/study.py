"""A study file to begin with, that knows the table, the slides and the tiles."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from heatmaps.readers.kit.build import example_study

if TYPE_CHECKING:
    from heatmaps.readers.kit.study_file import Template

_PICTURE_PX, _SURROUNDINGS, _SMALLEST_PX = 640, 0.5, 64
"""Of the example study, and the least that a study file may say."""


def study_text(
    template: Template, table: Path, slides: Path, tile_um: float, mpp: float, slide_mpp: float | None = None
) -> str:
    """Return a template's example study with this table, folder of slides and, for tiles, their size.

    Parameters
    ----------
    template : Template
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
    text = example_study(template)
    changed = [
        ('table = "items.csv"', f"table = {json.dumps(table.name)}"),
        ('slides = "slides"', f"{known}slides = {json.dumps(folder)}"),
    ]
    if template == "tile-plausibility":
        picture_px = max(_SMALLEST_PX, min(_PICTURE_PX, int(tile_um * (1 + 2 * _SURROUNDINGS) / mpp)))
        changed += [
            ("tile_um = 256.0", f"tile_um = {float(tile_um)!r}"),
            (f"picture_px = {_PICTURE_PX}", f"picture_px = {picture_px}"),
        ]
    for old, new in changed:
        if old not in text:
            raise AssertionError(f"the example study has no line {old}")
        text = text.replace(old, new)
    return text
