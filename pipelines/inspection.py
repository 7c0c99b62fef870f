"""Facts about a slide, tile file or feature file, for a person or a program that asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import openslide

from pipelines.errors import InputError
from pipelines.features.feature_file import FORMAT as FEATURES_FORMAT
from pipelines.features.feature_file import read_features
from pipelines.features.tile_file import FORMAT as TILES_FORMAT
from pipelines.features.tile_file import read_tiles
from pipelines.slides import open_handle, resolution_of

if TYPE_CHECKING:
    from pathlib import Path


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
        return {
            "kind": "slide",
            "path": str(path),
            "vendor": handle.properties.get(openslide.PROPERTY_NAME_VENDOR),
            "size_px": list(handle.dimensions),
            "mpp": mpp,
            "mpp_problem": problem,
            "objective": handle.properties.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER),
            "levels": [
                {"size_px": list(size), "downsample": round(downsample, 4)}
                for size, downsample in zip(handle.level_dimensions, handle.level_downsamples, strict=True)
            ],
            "associated_images": sorted(handle.associated_images),
        }


def inspect_hdf5(path: Path) -> dict[str, Any]:
    """Return what a feature file or tile file of wsi-swarm holds.

    Raises
    ------
    InputError
        If it is neither, or not whole.
    """
    try:
        with h5py.File(path, "r") as file:
            kind = file.attrs.get("format")
    except OSError as error:
        msg = f"{path} cannot be opened as HDF5: {error}"
        raise InputError(msg) from error
    if kind == TILES_FORMAT:
        tiles = read_tiles(path)
        return {"kind": "tiles", "path": str(path), "slide": tiles.slide_id, "tiles": len(tiles.coords), **tiles.attrs}
    if kind != FEATURES_FORMAT:
        msg = f"{path} is neither a feature file nor a tile file of wsi-swarm (format {kind!r})"
        raise InputError(msg)
    features = read_features(path)
    values = features.features.astype(np.float32)
    return {
        "kind": "features",
        "path": str(path),
        "slide": features.slide_id,
        "tiles": len(values),
        "dimensions": values.shape[1],
        "mean": float(values.mean()) if values.size else None,
        "standard_deviation": float(values.std()) if values.size else None,
        **features.attrs,
    }
