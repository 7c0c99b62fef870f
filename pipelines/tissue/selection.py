"""Which tiles are kept, and why each other one is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipelines.grid import covered_fraction
from pipelines.tissue.classes import Area
from pipelines.tissue.coverage import polygon_fraction
from pipelines.tissue.outline import outline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.grid import Grid
    from pipelines.tissue.drawn_mask import DrawnMask
    from pipelines.tissue.outline import Ring
    from pipelines.tissue.survey import Survey


@dataclass(frozen=True)
class Selection:
    """The chosen tiles of a slide.

    Attributes
    ----------
    coords : (N, 2) int32, top-left corners in level-0 px.
    dropped : number of tiles by reason, the most frequent first.
    tissue, excluded : polygons that decided, in level-0 px.
    classes : (H, W) uint8 of ``Area`` values, with the drawn polygons in it.
    """

    coords: np.ndarray
    dropped: dict[str, int]
    tissue: Sequence[Sequence[Ring]]
    excluded: Sequence[Sequence[Ring]] = field(default_factory=list)
    classes: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.uint8))


def select_tiles(
    survey: Survey, drawn: DrawnMask | None, grid: Grid, slide_size: tuple[int, int], min_tissue: float
) -> Selection:
    """Keep the tiles that are tissue enough.

    What decides are polygons, drawn ones or the outline of the tissue that was found: so the outline, read back as a
    drawn mask without being edited, gives the same tiles.

    Parameters
    ----------
    survey : what lies where on the slide.
    drawn : tissue as a person sees it; with excluded areas only, they are taken from the tissue that was found.
    grid : all tiles.
    slide_size : (width, height) of level 0 in px.
    min_tissue : smallest fraction of a tile's area that is tissue.
    """
    found = outline(survey.tissue, slide_size)
    tissue = drawn.include or found if drawn else found
    excluded = drawn.exclude if drawn else []
    classes = survey.classes if drawn is None else _with_drawn(survey.classes, tissue, excluded, slide_size)
    kept = polygon_fraction(tissue, excluded, grid) >= min_tissue
    return Selection(grid.coords[kept], _reasons(classes, grid, kept, slide_size), tissue, excluded, classes)


def _reasons(classes: np.ndarray, grid: Grid, kept: np.ndarray, slide_size: tuple[int, int]) -> dict[str, int]:
    others = [Area(value) for value in np.unique(classes) if value not in (Area.TISSUE, Area.UNREADABLE)]
    others = others or [Area.BACKGROUND]
    shares = np.stack([covered_fraction(classes == area, grid, slide_size)[~kept] for area in others])
    counts = np.bincount(shares.argmax(axis=0), minlength=len(others))
    ranked = sorted(zip(counts.tolist(), others, strict=True), key=lambda pair: (-pair[0], pair[1]))
    return {area.label: number for number, area in ranked if number} or {Area.BACKGROUND.label: 0}


def _with_drawn(
    classes: np.ndarray,
    tissue: Sequence[Sequence[Ring]],
    excluded: Sequence[Sequence[Ring]],
    slide_size: tuple[int, int],
) -> np.ndarray:
    inside = _filled(tissue, classes.shape, slide_size) & ~_filled(excluded, classes.shape, slide_size)
    drawn = classes.copy()
    drawn[(classes == Area.TISSUE) | (classes == Area.UNREADABLE)] = Area.EXCLUDED
    drawn[inside] = Area.TISSUE
    return drawn


def _filled(polygons: Sequence[Sequence[Ring]], shape: tuple[int, int], slide_size: tuple[int, int]) -> np.ndarray:
    canvas = np.zeros(shape, np.uint8)
    scale = np.array([shape[1] / slide_size[0], shape[0] / slide_size[1]])
    for rings in polygons:
        layer = np.zeros(shape, np.uint8)
        cv2.fillPoly(layer, [np.rint(np.array(ring) * scale - 0.5).astype(np.int32) for ring in rings], 1)
        canvas |= layer
    return canvas > 0
