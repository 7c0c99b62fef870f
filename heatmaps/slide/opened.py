"""A slide with its features, or its features alone, and what is refused because it does not belong together."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from heatmaps.slide.absent_slide import AbsentSlide
from pipelines.errors import InputError
from pipelines.features import Given, describe_any, read_any, read_on_slide
from pipelines.features.content import GEOMETRY
from pipelines.features.read_any import UNKNOWN_ENCODER, completed
from pipelines.slides import open_slide

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heatmaps.slide.absent_slide import AnySlide
    from pipelines.features import Features
    from pipelines.slides import Slide

_SAME_MPP = 1e-6


@contextmanager
def opened(
    slide_path: Path | None, slide_mpp: float | None, features_path: Path
) -> Iterator[tuple[AnySlide, Features]]:
    """Open a slide and read its features; without a slide's path an ``AbsentSlide`` stands for it.

    Raises
    ------
    InputError
        If a file is unreadable, does not say where its tiles lie, or belongs to another slide.
    """
    if slide_path is None:
        features = read_alone(features_path, slide_mpp)
        yield AbsentSlide(features), features
        return
    with open_slide(slide_path, slide_mpp) as slide:
        features = read_on_slide(features_path, slide.size, slide.mpp)
        check_slide(features, slide, features_path)
        yield slide, features


def read_alone(path: Path, mpp: float | None = None) -> Features:
    """Read features of any layout whose slide is not at hand.

    Parameters
    ----------
    path : Path
        Feature file.
    mpp : float, optional
        µm per level-0 px, for files that do not say it.

    Returns
    -------
    Features
        ``attrs["mpp_origin"]`` is "given" where the file does not say it, and ``attrs["size_origin"]`` "tiles" where
        the slide's size is not known; the slide then ends with its last tile.

    Raises
    ------
    InputError
        If there is no tile, ``mpp`` is not that of the file, or the file does not say enough to place its tiles.
    """
    stated = describe_any(path).attrs.get("mpp")
    features = read_any(path, Given(mpp=mpp))
    attrs = {"encoder": UNKNOWN_ENCODER, **features.attrs, "mpp_origin": "features" if stated else "given"}
    if Path(features.slide_id).name != features.slide_id or features.slide_id in {"", ".", ".."}:
        msg = (
            f"{path} belongs to a slide called {features.slide_id!r}, which is no name of a folder; name the slide, too"
        )
        raise InputError(msg)
    if mpp is None and "mpp" not in attrs:
        msg = f"{path} does not say the µm per level-0 px; give --slide-mpp, or name the slide, too"
        raise InputError(msg)
    if mpp is not None and stated and abs(stated / mpp - 1) > _SAME_MPP:
        msg = f"{path} was made at {stated} µm per level-0 px and --slide-mpp is {mpp}; leave --slide-mpp out"
        raise InputError(msg)
    if "coords_unit" not in attrs and "tile_px_level0" in attrs and not {"slide_width", "slide_height"} <= attrs.keys():
        check_tiles(features, path)
        width, height = (
            int(-(-(edge + attrs["tile_px_level0"]) // 1)) for edge in features.coords.max(axis=0).tolist()
        )
        attrs |= {"slide_width": width, "slide_height": height, "size_origin": "tiles"}
    features = replace(features, attrs=completed(path, attrs, [*GEOMETRY, "encoder"]))
    check_tiles(features, path)
    return features


def check_slide(features: Features, slide: Slide, where: Path) -> None:
    """Refuse features of another slide, or of the same slide at another size or resolution.

    Raises
    ------
    InputError
        If id, size or mpp differ, or there is no tile.
    """
    if features.slide_id != slide.id:
        raise InputError(
            f"{where} belongs to slide {features.slide_id}, not to {slide.id}; give --features of this slide"
        )
    if features.slide_size != tuple(slide.size):
        raise InputError(
            f"{where} was made from a slide of {features.slide_size} px and {slide.path} has {tuple(slide.size)}; "
            "extract this slide again"
        )
    if abs(features.mpp / slide.mpp - 1) > _SAME_MPP:
        raise InputError(
            f"{where} was made at {features.mpp} µm per pixel and {slide.path} is read at {slide.mpp}; "
            "give the same --slide-mpp as for tile and extract, or extract again"
        )
    check_tiles(features, where)


def check_tiles(features: Features, where: Path) -> None:
    """Raise ``InputError`` if there is no tile."""
    if len(features.coords) == 0:
        raise InputError(f"{where} has no tiles, so there is nothing to explain; look at the slide's tissue mask")
