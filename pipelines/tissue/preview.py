"""A small picture of a slide with outline, tiles and dropped reasons, to see at once whether they are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipelines.tissue.classes import COLOURS, Area

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.tissue.outline import Ring

LONG_SIDE_PX = 1600
_TILE_COLOUR = (40, 80, 220)
_SHADE = 0.45
_LINE_SHARE = 0.6
_JPEG_QUALITY = 85
_LINE_PX = 26
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def shrink(image: np.ndarray, long_side_px: int = LONG_SIDE_PX) -> np.ndarray:
    """Return a picture no longer than ``long_side_px``."""
    scale = long_side_px / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def draw_preview(
    image: np.ndarray,
    slide_size: tuple[int, int],
    polygons: Sequence[Sequence[Ring]],
    coords: np.ndarray,
    tile_px_level0: float,
    classes: np.ndarray | None = None,
    legend: Mapping[str, int] | None = None,
) -> np.ndarray:
    """Draw what was found over a picture of the whole slide.

    Parameters
    ----------
    image : (H, W, 3) uint8 RGB of the whole slide.
    slide_size : (width, height) of level 0 in px.
    polygons : tissue outline in level-0 px.
    coords, tile_px_level0 : the tiles.
    classes : (h, w) class map of the whole slide; everything but tissue and background is shaded.
    legend : dropped tiles by reason, written below the picture beside the reason's colour; what is shaded and cost no
        tile follows without a number.

    Returns
    -------
    (H + legend, W, 3) uint8 RGB, a new picture.
    """
    canvas = np.ascontiguousarray(image).copy()
    shown: list[Area] = []
    if classes is not None:
        seen = cv2.resize(classes, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        table = np.zeros((256, 3), np.float32)
        for area, colour in COLOURS.items():
            table[area] = colour
        shaded = (seen != Area.BACKGROUND) & (seen != Area.TISSUE)
        canvas[shaded] = canvas[shaded] * (1 - _SHADE) + table[seen[shaded]] * _SHADE
        shown = [Area(value) for value in np.unique(seen[shaded])]
    scale = np.array([image.shape[1] / slide_size[0], image.shape[0] / slide_size[1]])
    starts = np.rint(coords * scale).astype(int)
    ends = np.rint((coords + tile_px_level0) * scale).astype(int)
    tiles = canvas.copy()
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        cv2.rectangle(tiles, start, end, _TILE_COLOUR, 1)
    # On a large section the lines lie so close that solid ones would hide the tissue.
    canvas = cv2.addWeighted(canvas, 1 - _LINE_SHARE, tiles, _LINE_SHARE, 0)
    rings = [np.rint(np.array(ring) * scale).astype(np.int32) for polygon in polygons for ring in polygon]
    cv2.polylines(canvas, rings, True, COLOURS[Area.TISSUE], 2)
    if legend is None:
        return canvas
    return np.vstack([canvas, _legend(canvas.shape[1], len(coords), legend, shown)])


def _legend(width: int, tiles: int, dropped: Mapping[str, int], shown: Sequence[Area]) -> np.ndarray:
    colours = {area.label: colour for area, colour in COLOURS.items()}
    entries = [("tissue", COLOURS[Area.TISSUE]), (f"{tiles} tiles", _TILE_COLOUR)]
    entries += [(f"{number} {reason}", colours.get(reason, (0, 0, 0))) for reason, number in dropped.items() if number]
    entries += [(area.label, COLOURS[area]) for area in shown if not dropped.get(area.label)]
    placed, x, line = [], 8, 0
    for text, colour in entries:
        length = cv2.getTextSize(text, _FONT, 0.5, 1)[0][0] + 40
        if x > 8 and x + length > width:
            x, line = 8, line + 1
        placed.append((text, colour, x, line))
        x += length
    strip = np.full(((line + 1) * _LINE_PX, width, 3), 255, np.uint8)
    for text, colour, left, number in placed:
        top = number * _LINE_PX + 6
        cv2.rectangle(strip, (left, top), (left + 14, top + 14), colour, -1)
        cv2.putText(strip, text, (left + 20, top + 12), _FONT, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return strip


def encode_jpeg(image: np.ndarray) -> bytes:
    """Return an RGB picture as JPEG."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data.tobytes()
