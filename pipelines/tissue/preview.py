"""A small picture of a slide with its tissue outline and tiles, to see at once whether they are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.tissue.outline import Ring

LONG_SIDE_PX = 1600
_GREEN, _BLUE = (0, 170, 0), (40, 80, 220)
_JPEG_QUALITY = 85


def draw_preview(
    image: np.ndarray,
    slide_size: tuple[int, int],
    polygons: Sequence[Sequence[Ring]],
    coords: np.ndarray,
    tile_px_level0: float,
) -> np.ndarray:
    """Draw tiles in blue and tissue in green over a picture (H, W, 3 uint8 RGB) of the whole slide; a new picture."""
    canvas = np.ascontiguousarray(image).copy()
    scale = np.array([image.shape[1] / slide_size[0], image.shape[0] / slide_size[1]])
    starts = np.rint(coords * scale).astype(int)
    ends = np.rint((coords + tile_px_level0) * scale).astype(int)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        cv2.rectangle(canvas, start, end, _BLUE, 1)
    rings = [np.rint(np.array(ring) * scale).astype(np.int32) for polygon in polygons for ring in polygon]
    cv2.polylines(canvas, rings, True, _GREEN, 2)
    return canvas


def encode_jpeg(image: np.ndarray) -> bytes:
    """Return an RGB picture as JPEG."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data.tobytes()
