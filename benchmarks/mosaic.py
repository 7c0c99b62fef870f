"""Slides drawn for measurements: JPEG pyramids as scanners write them, of any size, in a few MB on disk.

The picture repeats: many entries of a level's tile table point to the same few encoded tiles, so a reader does the
work of a whole slide. The texture is scikit-image's immunohistochemistry picture, its brown turned to eosin.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import cv2
import imagecodecs
import numpy as np
from skimage.color import hed2rgb, rgb2hed
from skimage.data import immunohistochemistry

if TYPE_CHECKING:
    from pathlib import Path

GLASS = 244
_SUBSAMPLING = {"444": (1, 1), "422": (2, 1), "420": (2, 2)}
_SHORT, _LONG, _RATIONAL, _LONG8, _ASCII, _UNDEFINED = 3, 4, 5, 16, 2, 7
_SIZES = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}


@dataclass(frozen=True)
class Coding:
    """How tiles are encoded.

    Attributes
    ----------
    tile : side of a tile in px.
    quality : of the JPEG.
    subsampling : "444", "422" or "420".
    rgb : colours stored as RGB, as Aperio does, instead of YCbCr.
    tables : JPEG tables stored once per level instead of in each tile.
    aperio : describe the slide as an Aperio scan instead of a generic TIFF.
    """

    tile: int = 256
    quality: int = 80
    subsampling: str = "420"
    rgb: bool = False
    tables: bool = False
    aperio: bool = False


def tissue(side: int, seed: int = 0) -> np.ndarray:
    """Return a (side, side, 3) uint8 picture of stained tissue: one real field, turned and mirrored side by side."""
    hed = rgb2hed(immunohistochemistry())
    hed[..., 1] += 0.4 * hed[..., 2]
    hed[..., 2] = 0
    field = np.rint(hed2rgb(hed) * 255).astype(np.uint8)
    rng = np.random.default_rng(seed)
    step = field.shape[0]
    picture = np.empty((-(-side // step) * step,) * 2 + (3,), np.uint8)
    for y, x in itertools.product(range(0, len(picture), step), repeat=2):
        turned = np.rot90(field, rng.integers(4))
        picture[y : y + step, x : x + step] = turned[::-1] if rng.integers(2) else turned
    return picture[:side, :side]


def write_picture(
    path: Path, picture: np.ndarray, mpp: float = 0.25, steps: tuple[int, ...] = (1,), coding: Coding = Coding()
) -> Path:
    """Write a picture as a pyramid with the given downsamples; the last tiles are filled up with glass."""
    levels = []
    for step in steps:
        height, width = (side // step for side in picture.shape[:2])
        small = cv2.resize(picture[: height * step, : width * step], (width, height), interpolation=cv2.INTER_AREA)
        rows, columns = -(-height // coding.tile), -(-width // coding.tile)
        whole = np.full((rows * coding.tile, columns * coding.tile, 3), GLASS, np.uint8)
        whole[:height, :width] = small
        levels.append(((width, height), _encoded(whole, coding), np.arange(rows * columns).reshape(rows, columns)))
    return _write(path, levels, mpp, coding)


def write_repeated(
    path: Path,
    size: tuple[int, int],
    picture: np.ndarray,
    mpp: float = 0.25,
    steps: tuple[int, ...] = (1, 4, 16),
    coding: Coding = Coding(),
    on_glass: bool = False,
) -> Path:
    """Write a slide of ``size`` px that repeats ``picture``, whose sides are whole tiles on every level.

    With ``on_glass`` only an ellipse in the middle is tissue.
    """
    levels = []
    block = coding.tile * max(steps)
    for step in steps:
        period = picture.shape[0] // step
        small = cv2.resize(picture, (period, period), interpolation=cv2.INTER_AREA)
        repeats = -(-coding.tile // period)
        tiles = _encoded(np.tile(small, (repeats, repeats, 1)), coding)
        across = period * repeats // coding.tile
        width, height = size[0] // step, size[1] // step
        rows, columns = np.mgrid[: -(-height // coding.tile), : -(-width // coding.tile)]
        index = rows % across * across + columns % across
        if on_glass:
            # Decided for the area of a tile of the coarsest level, so that all levels show the same.
            x = (columns * coding.tile * step // block + 0.5) * block / size[0] - 0.5
            y = (rows * coding.tile * step // block + 0.5) * block / size[1] - 0.5
            index[(x / 0.4) ** 2 + (y / 0.4) ** 2 > 1] = len(tiles)
            tiles.append(_encoded(np.full((coding.tile, coding.tile, 3), GLASS, np.uint8), coding)[0])
        levels.append(((width, height), tiles, index))
    return _write(path, levels, mpp, coding)


def _encoded(picture: np.ndarray, coding: Coding) -> list[bytes]:
    side = coding.tile
    return [
        imagecodecs.jpeg8_encode(
            np.ascontiguousarray(picture[y : y + side, x : x + side]),
            level=coding.quality,
            colorspace="RGB",
            outcolorspace="RGB" if coding.rgb else "YCBCR",
            subsampling=coding.subsampling,
        )
        for y in range(0, picture.shape[0], side)
        for x in range(0, picture.shape[1], side)
    ]


def _split(stream: bytes) -> tuple[bytes, bytes]:
    """Part a JPEG stream into its tables and the rest."""
    tables, rest, at = [], [], 2
    while stream[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
        (tables if stream[at + 1] in (0xC4, 0xDB) else rest).append(stream[at:end])
        at = end
    return b"\xff\xd8" + b"".join(tables) + b"\xff\xd9", b"\xff\xd8" + b"".join(rest) + stream[at:]


def _write(
    path: Path, levels: list[tuple[tuple[int, int], list[bytes], np.ndarray]], mpp: float, coding: Coding
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        link = 8
        for number, ((width, height), streams, index) in enumerate(levels):
            tables = _split(streams[0])[0] if coding.tables else b""
            bodies = [_split(stream)[1] for stream in streams] if coding.tables else streams
            places = []
            for body in bodies:
                places.append(file.tell())
                file.write(body)
            offsets = np.array(places, "<u8")[index.ravel()]
            counts = np.array([len(body) for body in bodies], "<u4")[index.ravel()]
            per_cm = struct.pack("<II", round(1e4 / (mpp * levels[0][0][0] / width) * 1000), 1000)
            about = f"Aperio drawn\r\n{width}x{height}|AppMag = {10 / mpp:g}|MPP = {mpp:g}".encode() + b"\0"
            tags = [
                (254, _LONG, [1 if number and not coding.aperio else 0]),
                (256, _LONG, [width]),
                (257, _LONG, [height]),
                (258, _SHORT, [8, 8, 8]),
                (259, _SHORT, [7]),
                (262, _SHORT, [2 if coding.rgb else 6]),
                *([(270, _ASCII, about)] if coding.aperio else []),
                (277, _SHORT, [3]),
                (282, _RATIONAL, per_cm),
                (283, _RATIONAL, per_cm),
                (284, _SHORT, [1]),
                (296, _SHORT, [3]),
                (322, _LONG, [coding.tile]),
                (323, _LONG, [coding.tile]),
                (324, _LONG8, offsets),
                (325, _LONG, counts),
                *([(347, _UNDEFINED, tables)] if tables else []),
                *([] if coding.rgb else [(530, _SHORT, _SUBSAMPLING[coding.subsampling])]),
            ]
            link = _write_directory(file, tags, link)
    return path


def _write_directory(file: BinaryIO, tags: list, link: int) -> int:
    entries = []
    for tag, kind, values in tags:
        if kind in _SIZES:
            raw, count = np.asarray(values, f"<u{struct.calcsize(_SIZES[kind])}").tobytes(), len(values)
        else:
            raw, count = bytes(values), 1 if kind == _RATIONAL else len(values)
        if len(raw) > 8:
            file.write(b"\0" * (-file.tell() % 8))
            raw, data = struct.pack("<Q", file.tell()), raw
            file.write(data)
        entries.append(struct.pack("<HHQ8s", tag, kind, count, raw))
    file.write(b"\0" * (-file.tell() % 8))
    here = file.tell()
    file.write(struct.pack("<Q", len(entries)) + b"".join(entries) + struct.pack("<Q", 0))
    after = file.tell()
    file.seek(link)
    file.write(struct.pack("<Q", here))
    file.seek(after)
    return after - 8
