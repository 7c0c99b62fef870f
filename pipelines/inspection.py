"""Facts about a slide, tile file or feature file, for a person or a program that asks."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import openslide

from pipelines.errors import InputError
from pipelines.features import describe_any, read_any
from pipelines.slides import open_handle, open_slide, resolution_of

if TYPE_CHECKING:
    from pathlib import Path

_ANY_MPP = 0.5
"""Stands in where a slide says no resolution, only to learn who reads its pixels."""


def inspect_slide(path: Path) -> dict[str, Any]:
    """Return what the file says of itself; ``mpp`` is None, with a reason, where ``tile`` would refuse it.

    Raises
    ------
    InputError
        If it cannot be opened.
    """
    with open_handle(path) as handle:
        try:
            mpp, problem = resolution_of(path, handle, None)[0], None
        except InputError as error:
            mpp, problem = None, str(error)
        properties = handle.properties
        return {
            "kind": "slide",
            "path": str(path),
            "vendor": properties.get(openslide.PROPERTY_NAME_VENDOR),
            "size_px": list(handle.dimensions),
            "mpp": mpp,
            "mpp_x": _number(properties.get(openslide.PROPERTY_NAME_MPP_X)),
            "mpp_y": _number(properties.get(openslide.PROPERTY_NAME_MPP_Y)),
            "mpp_problem": problem,
            "objective": properties.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER),
            "reader": _reader(path),
            "levels": [
                {"size_px": list(size), "downsample": round(downsample, 4)}
                for size, downsample in zip(handle.level_dimensions, handle.level_downsamples, strict=True)
            ],
            "icc_profile": _profile(handle),
            "associated_images": sorted(handle.associated_images),
            "associated_sizes_px": {
                name: [int(properties.get(f"openslide.associated.{name}.{side}", 0)) for side in ("width", "height")]
                for name in sorted(handle.associated_images)
            },
        }


def inspect_hdf5(path: Path) -> dict[str, Any]:
    """Return what a feature file or tile file of any known layout holds.

    Raises
    ------
    InputError
        If it is neither, or not whole.
    """
    if path.suffix.lower() != ".pt":
        try:
            h5py.File(path, "r").close()
        except OSError as error:
            msg = f"{path} cannot be opened as HDF5: {error}"
            raise InputError(msg) from error
    described = describe_any(path)
    content = described.content
    facts: dict[str, Any] = {
        "kind": "tiles" if content.vectors is None else "features",
        "path": str(path),
        "layout": content.layout,
        "slide": content.slide_id,
        "tiles": content.tiles,
    }
    if content.vectors is None:
        return {**facts, **described.attrs}
    features = read_any(path)
    values = features.features.astype(np.float32)
    finite = bool(np.isfinite(values).all())
    whole = finite and values.size > 0
    return {
        **facts,
        "dimensions": int(values.shape[1]),
        "type": str(features.features.dtype),
        "finite": finite,
        "mean": float(values.mean()) if whole else None,
        "standard_deviation": float(values.std()) if whole else None,
        **features.attrs,
    }


def _reader(path: Path) -> str | None:
    try:
        with open_slide(path, _ANY_MPP, only_if_missing=True) as slide:
            return slide.reader
    except InputError:
        return None  # why is told as ``mpp_problem``


def _profile(handle: openslide.OpenSlide) -> dict[str, Any] | None:
    """Return name and size of the embedded colour profile; pixels are used as stored, it is not applied."""
    from PIL import ImageCms

    try:
        profile = handle.color_profile
    except openslide.OpenSlideError:
        return None
    if profile is None:
        return None
    data = profile.tobytes()
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(data))).strip()
    except (ImageCms.PyCMSError, OSError):
        name = "unreadable"
    return {"name": name, "bytes": len(data)}


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else float("nan")
    except ValueError:
        return None
    return value if np.isfinite(value) else None
