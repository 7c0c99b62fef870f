"""The JPEG streams inside a TIFF, made whole so that any decoder gives the colours that the TIFF means.

A tile of a TIFF may leave its tables to the page (the JPEGTables tag), and its colour space is what the page's
PhotometricInterpretation says, whatever markers the stream carries (TIFF Technical Note 2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import simplejpeg

if TYPE_CHECKING:
    import numpy as np

_SOI = b"\xff\xd8"
_ADOBE = (
    b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00",  # followed by 0 for RGB
    b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x01",  # or by 1 for YCbCr
)
_START_OF_SCAN = 0xDA
_JFIF, _ADOBE_MARKER = 0xE0, 0xEE
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}


class UnusualStreamError(ValueError):
    """A stream that is not a JPEG picture of three 8-bit colours in the size of its tile."""


def opening(tables: bytes | None, ycbcr: bool) -> bytes:
    """Return how the streams of a page begin: the colour space, and the tables of the page if it has them."""
    inner = b"" if not tables else tables.removeprefix(_SOI).removesuffix(b"\xff\xd9")
    return _SOI + _ADOBE[ycbcr] + inner


def decode(tile: bytes, begin: bytes, width: int, height: int, shrink: int) -> np.ndarray:
    """Decode the stream of one tile, scaled down by libjpeg while it decodes.

    Parameters
    ----------
    tile : the bytes that the TIFF has for the tile.
    begin : from ``opening``.
    width, height : of the tile in px; multiples of ``shrink``.
    shrink : 1, 2, 4 or 8.

    Returns
    -------
    (height // shrink, width // shrink, 3) uint8 RGB.

    Raises
    ------
    UnusualStreamError
        If the stream is something else than expected; another decoder may know it.
    ValueError
        If the picture is damaged.
    """
    whole = _recoloured(tile, begin, width, height)
    # Strict: a stream that ends too early would come out grey below, not fail.
    picture = simplejpeg.decode_jpeg(whole, "RGB", min_height=height // shrink, min_width=width // shrink, strict=True)
    if picture.shape != (height // shrink, width // shrink, 3):
        msg = f"decodes to {picture.shape[1]} x {picture.shape[0]} px"
        raise UnusualStreamError(msg)
    return picture


def _recoloured(tile: bytes, begin: bytes, width: int, height: int) -> bytes:
    if tile[:2] != _SOI:
        msg = "does not begin as a JPEG stream"
        raise UnusualStreamError(msg)
    parts, at, end = [begin], 2, len(tile) - 4
    while at < end:
        if tile[at] != 0xFF:
            break
        marker = tile[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == _START_OF_SCAN:
            parts.append(tile[at:])
            return b"".join(parts)
        following = at + 2 + (tile[at + 2] << 8 | tile[at + 3])
        if marker in _FRAMES:
            _check_frame(tile[at + 4 : following], width, height)
        elif marker in _OTHER_FRAMES:
            break
        if marker not in (_JFIF, _ADOBE_MARKER):
            parts.append(tile[at:following])
        at = following
    msg = "has no picture of a known kind"
    raise UnusualStreamError(msg)


def _check_frame(frame: bytes, width: int, height: int) -> None:
    if len(frame) < 6 or frame[0] != 8 or frame[5] != 3:
        msg = "is not a picture of three 8-bit colours"
        raise UnusualStreamError(msg)
    if (frame[1] << 8 | frame[2], frame[3] << 8 | frame[4]) != (height, width):
        msg = "has another size than its tile"
        raise UnusualStreamError(msg)
