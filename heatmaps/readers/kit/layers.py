"""Pictures of items with heatmaps on them: all heatmaps are drawn in one way, all pictures are alike in size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import simplejpeg

from heatmaps.readers.kit.drawn_scores import drawn
from heatmaps.readers.kit.key import Shape
from heatmaps.readers.kit.paths import picture_name
from heatmaps.readers.kit.pictures import padded, read_places
from heatmaps.readers.kit.source_picture import read_picture
from pipelines.errors import ConfigError
from pipelines.progress import progress
from pipelines.slides import open_slide

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from heatmaps.readers.kit.item import Item
    from heatmaps.readers.kit.study_file import Items

_QUALITY = 90
_GLASS = 255


def layered_pictures(folder: Path, how: Items, items: Sequence[Item]) -> tuple[dict[str, bytes], dict[str, Shape]]:
    """Return all JPEGs by ``picture_name``, and the shape of each item by its name.

    Every picture is brought into the middle of a white square of ``picture_px`` px: no metadata, the same size in
    pixels, the same size in bytes. One item at a time is held in memory.

    Raises
    ------
    InputError
        A picture, slide or score table is missing or unreadable.
    ConfigError
        Pictures of an item differ in size, or a slide is named and the study file does not say where slides are.
    """
    jpegs: dict[str, bytes] = {}
    shapes: dict[str, Shape] = {}
    with progress(len(items), "pictures of the study", "item") as bar:
        for item in items:
            views, side_um = _views(folder, how, item)
            height, width = next(iter(views.values())).shape[:2]
            most = max(height, width)
            shapes[item.item] = Shape(width=round(width / most, 4), height=round(height / most, 4), side_um=side_um)
            for name, view in views.items():
                jpegs[picture_name(item.item, name)] = _squared(view, how.picture_px)
            bar.update()
    return dict(zip(jpegs, padded(list(jpegs.values())), strict=True)), shapes


def _views(folder: Path, how: Items, item: Item) -> tuple[dict[str, NDArray[np.uint8]], float | None]:
    """Return an item's pictures, ``""`` for the tissue, and what their longer side measures in um."""
    views: dict[str, NDArray[np.uint8]] = {}
    side_um = how.field_um
    if item.picture:
        views[""] = read_picture(folder / item.picture)
    elif item.slide and not item.whole:
        (views[""],) = read_places(folder, how, item.slide, [item])
        side_um = None  # the study's own field: every tile has the same
    elif item.slide:
        slide_path, size, view, side_um = _whole_slide(folder, how, item.slide)
        views[""] = view
        pairs = {"a": (item.scores_a, item.measure_a), "b": (item.scores_b, item.measure_b)}
        tables = {"ai": (item.scores, item.measure)} if item.scores else pairs if item.scores_a else {}
        named = {name: (folder / table, measure) for name, (table, measure) in tables.items()}
        views |= drawn(view, named, item.target, size, str(slide_path))
    for name, path in (("a", item.picture_a), ("b", item.picture_b), ("ai", item.ai_picture)):
        if path:
            views[name] = read_picture(folder / path, views.get(""))
    sizes = {name: view.shape[1::-1] for name, view in views.items()}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name or 'tissue'} {width} x {height}" for name, (width, height) in sizes.items())
        raise ConfigError(
            f"{item.item}: its pictures differ in size ({told} px), so that they cannot lie on each other"
        )
    return views, side_um


def _whole_slide(folder: Path, how: Items, name: str) -> tuple[Path, tuple[int, int], NDArray[np.uint8], float]:
    if how.slides is None:
        raise ConfigError(f"the table names the slide {name}; say in the study file where slides are: items.slides")
    path = folder / how.slides / name
    with open_slide(path, how.slide_mpp, True, mpp_flag="items.slide_mpp") as slide:
        longest = max(slide.size)
        scale = min(1.0, how.picture_px / longest)
        wanted = (max(round(slide.size[0] * scale), 1), max(round(slide.size[1] * scale), 1))
        view = cv2.resize(slide.thumbnail(slide.mpp / scale), wanted, interpolation=cv2.INTER_AREA)
        return path, slide.size, np.asarray(view, np.uint8), longest * slide.mpp


def _squared(view: NDArray[np.uint8], side: int) -> bytes:
    """Return a picture in the middle of a white square, its longer side as long as the square's."""
    scale = side / max(view.shape[:2])
    width, height = (min(max(round(length * scale), 1), side) for length in view.shape[1::-1])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = np.asarray(cv2.resize(view, (width, height), interpolation=how), np.uint8)
    square = np.full((side, side, 3), _GLASS, np.uint8)
    left, top = (side - width) // 2, (side - height) // 2
    square[top : top + height, left : left + width] = resized
    return simplejpeg.encode_jpeg(square, quality=_QUALITY, colorsubsampling="444")
