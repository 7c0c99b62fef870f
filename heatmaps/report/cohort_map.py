"""A slide's map as small as a table shows it, so that a thousand slides fit on one page."""

from __future__ import annotations

import cv2
import numpy as np

from heatmaps.report.data_uri import data_uri

_LONGEST_PX = 120
_LOSSLESS = 101


def map_uri(png: bytes) -> str:
    """Return a map of one pixel per tile as a data URI, without loss; one larger than the table's cell is averaged.

    Parameters
    ----------
    png : bytes
        RGBA PNG, transparent where there is no tile.

    Raises
    ------
    ValueError
        If it is no RGBA PNG.
    """
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
        raise ValueError("a map is an RGBA PNG")
    if max(picture.shape[:2]) > _LONGEST_PX:
        picture = _smaller(picture)
    done, data = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, _LOSSLESS])
    if not done:
        raise ValueError("the map cannot be encoded")
    return data_uri(data.tobytes(), "webp")


def _smaller(picture: np.ndarray) -> np.ndarray:
    # Colours count as much as they cover, so that borders of the tissue do not darken.
    alpha = picture[..., 3:].astype(np.float32) / 255
    scale = _LONGEST_PX / max(picture.shape[:2])
    size = tuple(max(1, round(side * scale)) for side in picture.shape[1::-1])
    inked = cv2.resize(np.concatenate([picture[..., :3] * alpha, alpha], axis=2), size, interpolation=cv2.INTER_AREA)
    cover = inked[..., 3:]
    colours = np.divide(inked[..., :3], cover, out=np.zeros_like(inked[..., :3]), where=cover > 0)
    return np.rint(np.concatenate([colours, cover * 255], axis=2)).clip(0, 255).astype(np.uint8)
