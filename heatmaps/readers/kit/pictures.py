"""Pictures of items: alike in everything but the tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import simplejpeg

from heatmaps.readers.kit.source_picture import read_picture
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from heatmaps.readers.kit.item import Item
    from heatmaps.readers.kit.study_file import Items

_QUALITY = 93
_SQUARE_WITHIN = 0.02
_ROUND_TO = 1024
_GLASS = 255


def item_pictures(folder: Path, how: Items, items: Sequence[Item]) -> list[bytes]:
    """Return the JPEG of each item: no metadata, the same size in pixels, the same size in bytes.

    Pictures of unlike resolution are all brought to the smallest one's, because sharpness would tell them apart.

    Raises
    ------
    InputError
        A picture or slide is missing or unreadable.
    ConfigError
        A picture is not square, or a slide is named and the study file does not say how to cut its tiles.
    """
    raw = _read_all(folder, how, items)
    side = min(how.picture_px, *(min(picture.shape[:2]) for picture in raw))
    return padded([_encoded(picture, side) for picture in raw])


def padded(pictures: Sequence[bytes]) -> list[bytes]:
    """Bring JPEGs to one size by fill bytes before the end marker, where the standard allows any number of them."""
    size = -(-max(map(len, pictures)) // _ROUND_TO) * _ROUND_TO
    return [jpeg[:-2] + b"\xff" * (size - len(jpeg)) + jpeg[-2:] for jpeg in pictures]


def _encoded(picture: NDArray[np.uint8], side: int) -> bytes:
    if picture.shape[:2] != (side, side):
        picture = np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    return simplejpeg.encode_jpeg(np.ascontiguousarray(picture), quality=_QUALITY, colorsubsampling="444")


def _read_all(folder: Path, how: Items, items: Sequence[Item]) -> list[NDArray[np.uint8]]:
    read: dict[str, NDArray[np.uint8]] = {
        item.item: _read_square(folder / item.picture) for item in items if item.picture
    }
    for name in sorted({item.slide for item in items if item.slide}):
        of_slide = [item for item in items if item.slide == name]
        read.update(zip([item.item for item in of_slide], read_places(folder, how, name, of_slide), strict=True))
    return [read[item.item] for item in items]


def _read_square(path: Path) -> NDArray[np.uint8]:
    picture = read_picture(path)
    height, width = picture.shape[:2]
    if abs(width / height - 1) > _SQUARE_WITHIN:
        raise ConfigError(f"{path} is {width} x {height} px; pictures of tiles must be square")
    return picture


def read_places(folder: Path, how: Items, name: str, items: Sequence[Item]) -> list[NDArray[np.uint8]]:
    """Return the tiles of one slide with their surroundings, ``picture_px`` square each."""
    from pipelines.slides import open_slide

    if how.slides is None or how.tile_um is None:
        msg = f"the table names the slide {name}; say in the study file where slides are: items.slides, items.tile_um"
        raise ConfigError(msg)
    with open_slide(folder / how.slides / name, how.slide_mpp, True, mpp_flag="items.slide_mpp") as slide:
        tile = how.tile_um / slide.mpp
        side, margin = tile * (1 + 2 * how.surroundings), tile * how.surroundings
        _refuse_coarse(name, slide.mpp, side * slide.mpp, how.picture_px)
        pictures = []
        for item in items:
            left, top = item.x - margin, item.y - margin
            inside = (max(left, 0), max(top, 0), min(left + side, slide.size[0]), min(top + side, slide.size[1]))
            if not (0 <= item.x < slide.size[0] and 0 <= item.y < slide.size[1]):
                raise ConfigError(f"{item.item}: x={item.x:g}, y={item.y:g} lies outside of {name}, {slide.size} px")
            # The tile keeps its place in the picture at the slide's edge, too; glass is where there is no slide.
            scale = how.picture_px / side
            corners = [round((inside[n] - (left, top)[n % 2]) * scale) for n in range(4)]
            view = np.full((how.picture_px, how.picture_px, 3), _GLASS, np.uint8)
            width, height = max(corners[2] - corners[0], 1), max(corners[3] - corners[1], 1)
            part = slide.read_region(
                inside[0], inside[1], inside[2] - inside[0], inside[3] - inside[1], (width, height)
            )
            view[corners[1] : corners[1] + height, corners[0] : corners[0] + width] = part
            pictures.append(view)
    return pictures


def _refuse_coarse(name: str, mpp: float, field_um: float, picture_px: int) -> None:
    """Refuse a slide that would have to be enlarged: its pictures would be blurred where others are sharp."""
    wanted = field_um / picture_px
    if mpp > wanted * (1 + _SQUARE_WITHIN):
        msg = (
            f"{name} has {mpp:.3g} um per px, coarser than the {wanted:.3g} of the pictures, and blur would "
            f"tell its tiles apart; set items.picture_px to {int(field_um / mpp)} or less"
        )
        raise ConfigError(msg)
