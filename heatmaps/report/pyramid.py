"""A picture as a pyramid of JPEG tiles that stands in the page itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2

from heatmaps.drawing.render import encode_jpeg
from heatmaps.report.data_uri import data_uri

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TILE_PX = 512
_QUALITY = 82


def pyramid(picture: NDArray[np.uint8]) -> dict[str, Any]:
    """Return ``width``, ``height``, ``tile`` and ``levels``: from one tile up to the whole picture, rows of data URIs.

    Parameters
    ----------
    picture : (H, W, 3) uint8
    """
    height, width = picture.shape[:2]
    levels = []
    level = picture
    while True:
        levels.append(_tiles(level))
        rows, columns = level.shape[:2]
        if max(rows, columns) <= TILE_PX:
            break
        half = (max(1, -(-columns // 2)), max(1, -(-rows // 2)))
        level = cv2.resize(level, half, interpolation=cv2.INTER_AREA)
    return {"width": width, "height": height, "tile": TILE_PX, "levels": levels[::-1]}


def _tiles(level: NDArray[np.uint8]) -> list[list[str]]:
    height, width = level.shape[:2]
    return [
        [
            data_uri(encode_jpeg(level[top : top + TILE_PX, left : left + TILE_PX], _QUALITY), "jpeg")
            for left in range(0, width, TILE_PX)
        ]
        for top in range(0, height, TILE_PX)
    ]
