"""TRIDENT's layout: ``features`` and ``coords`` (level-0 px) with the geometry as attributes of ``coords``."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from pipelines.features.content import KEPT, Content, kept_text, number, plain, read_kept
from pipelines.files import hdf5_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.features.feature_file import Features
    from pipelines.features.tile_file import Tiles

NAME = "trident"
_TILES_SUFFIX = "_patches"


def recognise(file: h5py.File) -> bool:
    """Return whether an HDF5 file is of this layout."""
    coords = file.get("coords")
    vectors = file.get("features")
    return (
        isinstance(coords, h5py.Dataset)
        and {"patch_size", "target_magnification"} <= set(coords.attrs)
        and (vectors is None or isinstance(vectors, h5py.Dataset))
    )


def content(file: h5py.File, path: Path) -> Content:
    """Describe a file of this layout, features or tiles."""
    coords, vectors = file["coords"], file.get("features")
    facts = magnified(path, coords.attrs)
    encoder = plain(vectors.attrs.get("encoder")) if vectors is not None else None
    if encoder is not None:
        facts["encoder"] = str(encoder)
    kept = read_kept(file)
    name = plain(coords.attrs.get("name")) or path.stem.removesuffix(_TILES_SUFFIX)
    return Content(
        layout=NAME,
        slide_id=str(kept.pop("slide_id", name)),
        vectors=None if vectors is None else "features",
        tiles=len(coords),
        # A slide without tiles has features of shape (0,).
        dim=None if vectors is None else int(vectors.shape[1]) if vectors.ndim == 2 else 0,
        unit="px",
        facts=kept or facts,
        ours=bool(kept),
    )


def magnified(path: Path, attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that TRIDENT's attributes state; AtlasPatch writes the same names."""
    side, target = number(path, "patch_size", attrs["patch_size"]), attrs["target_magnification"]
    wanted = number(path, "target_magnification", target)
    facts: dict[str, Any] = {
        "tile_px": round(side),
        "nominal_mpp": 10 / wanted,
        "nominal_tile_um": side * 10 / wanted,
        "overlap_px": round(float(plain(attrs.get("overlap", 0)) or 0)),
    }
    if "patch_size_level0" in attrs:
        facts["tile_px_level0"] = number(path, "patch_size_level0", attrs["patch_size_level0"])
    elif "level0_magnification" in attrs:
        facts["tile_px_level0"] = side * number(path, "level0_magnification", attrs["level0_magnification"]) / wanted
    for name, ours in (("level0_width", "slide_width"), ("level0_height", "slide_height")):
        if plain(attrs.get(name)) is not None:
            facts[ours] = round(number(path, name, attrs[name]))
    return facts


def magnifications(attrs: Mapping[str, Any]) -> tuple[float, float]:
    """Return (level-0, target) magnification for TRIDENT's attributes.

    TRIDENT reads tiles of ``round(patch_size * level 0 / target)`` level-0 px. Whole numbers, as TRIDENT writes them,
    where they give the tiles their size; else the exact ratio, since rounding would make it read other tiles.
    """
    exact = 10 / attrs["mpp"], 10 * attrs["tile_px"] / (attrs["tile_px_level0"] * attrs["mpp"])
    whole = round(exact[0]), round(exact[1])
    fits = min(whole) > 0 and round(attrs["tile_px"] * whole[0] / whole[1]) == round(attrs["tile_px_level0"])
    return whole if fits else exact


def coords_attrs(slide_id: str, folder: str, attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of ``coords``."""
    level0, target = magnifications(attrs)
    return {
        "patch_size": attrs["tile_px"],
        "patch_size_level0": round(attrs["tile_px_level0"]),
        "level0_magnification": level0,
        "target_magnification": target,
        "overlap": attrs["overlap_px"],
        "name": slide_id,
        "savetodir": folder,
        "level0_width": attrs["slide_width"],
        "level0_height": attrs["slide_height"],
    }


def files_of_features(features: Features, encoder: str) -> dict[PurePath, bytes]:
    """Return the file that TRIDENT would write for these features, below its job folder."""
    folder = PurePath(job_folder(features.attrs)) / f"features_{encoder}"

    def fill(file: h5py.File) -> None:
        file.attrs[KEPT] = kept_text(features.slide_id, features.attrs)
        _chunked(
            file,
            "features",
            features.features,
            {"name": features.slide_id, "savetodir": folder.name, "encoder": features.encoder},
        )
        attrs = coords_attrs(features.slide_id, folder.name, features.attrs)
        _chunked(file, "coords", features.coords.astype(np.int64), attrs)

    return {folder / f"{features.slide_id}.h5": hdf5_bytes(fill)}


def files_of_tiles(tiles: Tiles) -> dict[PurePath, bytes]:
    """Return the file that TRIDENT would write for these tiles, below its job folder."""
    folder = PurePath(job_folder(tiles.attrs)) / "patches"

    def fill(file: h5py.File) -> None:
        file.attrs[KEPT] = kept_text(tiles.slide_id, tiles.attrs)
        attrs = coords_attrs(tiles.slide_id, folder.parent.name, tiles.attrs)
        _chunked(file, "coords", tiles.coords.astype(np.int64), attrs)

    return {folder / f"{tiles.slide_id}{_TILES_SUFFIX}.h5": hdf5_bytes(fill)}


def job_folder(attrs: Mapping[str, Any]) -> str:
    """Return TRIDENT's name of a job with these tiles."""
    wanted = attrs.get("nominal_mpp", attrs["requested_mpp"])
    return f"{10 / wanted:.4g}x_{attrs['tile_px']}px_{attrs['overlap_px']}px_overlap"


def _chunked(file: h5py.File, name: str, values: np.ndarray, attrs: Mapping[str, Any]) -> None:
    dataset = file.create_dataset(name, data=values, chunks=(1, values.shape[1]), maxshape=(None, values.shape[1]))
    for key, value in attrs.items():
        dataset.attrs[key] = value
