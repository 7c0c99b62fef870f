"""The pictures: tissue in grey, evidence as a tint on it, an outline around what the model saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from heatmaps.drawing.colours import colour

if TYPE_CHECKING:
    from numpy.typing import NDArray

Underlay = Literal["grey", "he"]
"""``grey``: desaturated H&E, so that eosin is not taken for evidence; ``he``: the stain as it is, paler."""

OPACITY = 0.85
"""Of the tint in pictures that can't be adjusted."""
_OUTLINE_RGB = (70, 70, 70)
_PALE = 0.45
"""Contrast kept of the underlay, so that the tint stays legible on dark nuclei."""


def underlay(thumbnail: NDArray[np.uint8], kind: Underlay = "grey") -> NDArray[np.uint8]:
    """Return the tissue as a pale ground for the tint, (H, W, 3) uint8."""
    picture = thumbnail.astype(np.float32)
    if kind == "grey":
        luminance = picture @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
        picture = np.repeat(luminance[..., None], 3, axis=2)
    return np.rint(255 - (255 - picture) * _PALE).astype(np.uint8)


def tint(values: NDArray[np.float64], clip: float, signed: bool = True) -> NDArray[np.uint8]:
    """Return the layer of evidence as RGBA (H, W, 4): the map's colours, fully transparent where no tile is."""
    alpha = np.where(np.isnan(values), 0, 255).astype(np.uint8)
    rgb = colour(values, clip, signed) * (alpha[..., None] > 0)
    return np.dstack([rgb.astype(np.uint8), alpha])


def outline(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the inner border of the analysed area, (H, W) bool: neutral tiles are white like the glass beside them."""
    covered = (~np.isnan(values)).astype(np.uint8)
    width = 2 if max(values.shape) >= 1000 else 1
    kernel = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    inside = cv2.erode(covered, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return (covered == 1) & (inside == 0)


def overlay(
    ground: NDArray[np.uint8],
    values: NDArray[np.float64],
    clip: float,
    opacity: float = OPACITY,
    signed: bool = True,
) -> NDArray[np.uint8]:
    """Tint the ground like ink on paper: colours multiply, so that nuclei and glands stay visible under any colour.

    Parameters
    ----------
    ground : (H, W, 3) uint8
        From ``underlay``.
    values : (H, W) float64
        NaN where no tile lies; those pixels keep the ground as it is.
    clip : float
        Value of the strongest colours.
    opacity : float
        0 (ground alone) to 1.
    signed : bool
        Which of the two colour maps; see ``colour``.

    Returns
    -------
    (H, W, 3) uint8
    """
    covered = ~np.isnan(values)
    ink = 1 - opacity * (1 - colour(values[covered], clip, signed).astype(np.float32) / 255)
    picture = ground.copy()
    picture[covered] = np.rint(ground[covered] * ink).astype(np.uint8)
    picture[outline(values)] = _OUTLINE_RGB
    return picture


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """PNG of an RGB or RGBA picture; the same picture always gives the same bytes, without metadata."""
    to_bgr = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
    return _encode(".png", cv2.cvtColor(picture, to_bgr), [cv2.IMWRITE_PNG_COMPRESSION, 4])


def encode_jpeg(picture: NDArray[np.uint8], quality: int = 88) -> bytes:
    """JPEG of an RGB picture, without metadata."""
    return _encode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])


def _encode(kind: str, picture: NDArray[np.uint8], options: list[int]) -> bytes:
    done, data = cv2.imencode(kind, picture, options)
    if not done:
        raise ValueError(f"OpenCV can't encode a {kind} of shape {picture.shape}")
    return data.tobytes()
