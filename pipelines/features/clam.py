"""CLAM's layout: ``patches/`` (tiles), ``h5_files/`` (float32 features, coords) and ``pt_files/`` (features alone)."""

from __future__ import annotations

import io
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from pipelines.damage import DAMAGE
from pipelines.errors import InputError
from pipelines.features.content import KEPT, Content, kept_text, number, plain, read_kept
from pipelines.files import hdf5_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.features.feature_file import Features
    from pipelines.features.tile_file import Tiles

NAME = "clam"
_CHUNK = 32


def recognise(file: h5py.File) -> bool:
    """Return whether an HDF5 file is of this layout: features and coords without attributes, or its tiles."""
    coords, vectors = file.get("coords"), file.get("features")
    if not isinstance(coords, h5py.Dataset) or coords.ndim != 2:
        return False
    return isinstance(vectors, h5py.Dataset) or {"patch_size", "patch_level"} <= set(coords.attrs)


def content(file: h5py.File, path: Path, patches: Path | None = None) -> Content:
    """Describe a file of this layout.

    The features say nothing of their tiles; that stands in ``patches/<slide>.h5``, which is looked for beside
    ``h5_files``, one folder further up, and in ``patches``.
    """
    vectors, coords = file.get("features"), file["coords"]
    if vectors is not None and vectors.ndim != 2:
        msg = (
            f"{path} holds features of shape {vectors.shape}, not one vector per tile; name the folder of tile features"
        )
        raise InputError(msg)
    slide_id = str(plain(coords.attrs.get("name")) or path.stem)
    kept = read_kept(file)
    facts = _facts(path, coords) if "patch_level" in coords.attrs else _facts_beside(path, patches, len(coords))
    return Content(
        layout=NAME,
        slide_id=str(kept.pop("slide_id", slide_id)),
        vectors=None if vectors is None else "features",
        tiles=len(coords),
        dim=None if vectors is None else int(vectors.shape[1]),
        unit="px",
        facts=kept or facts,
        ours=bool(kept),
    )


def read_pt(path: Path) -> np.ndarray:
    """Read a ``.pt`` file that holds one tensor (N, D); nothing is unpickled.

    Raises
    ------
    InputError
        If it is anything else.
    """
    import pickle

    import torch

    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
    except (*DAMAGE, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"{path} is not a file with one tensor ({reason}); use the .h5 file of this slide"
        raise InputError(msg) from error
    if not isinstance(value, torch.Tensor) or value.ndim != 2:
        what = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
        msg = f"{path} holds {what}, not one vector per tile; use the .h5 file of this slide"
        raise InputError(msg)
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy()


_OF_VECTORS = ("encoder", "weights", "augmentation")
"""Starts of the names of attributes that say nothing of the tiles' places."""


def files_of_features(features: Features, encoder: str) -> dict[PurePath, bytes]:
    """Return the three files that CLAM would write for these features; it has no place for the encoder's name."""
    import torch

    del encoder
    values = features.features.astype(np.float32)

    def fill(file: h5py.File) -> None:
        file.attrs[KEPT] = kept_text(features.slide_id, features.attrs)
        _chunked(file, "features", values)
        _chunked(file, "coords", features.coords.astype(np.int32))

    tensor = io.BytesIO()
    torch.save(torch.from_numpy(values), tensor)
    return {
        **_patches(features.slide_id, features.coords, features.attrs),
        PurePath("h5_files") / f"{features.slide_id}.h5": hdf5_bytes(fill),
        PurePath("pt_files") / f"{features.slide_id}.pt": tensor.getvalue(),
    }


def files_of_tiles(tiles: Tiles) -> dict[PurePath, bytes]:
    """Return the file that CLAM would write for these tiles."""
    return _patches(tiles.slide_id, tiles.coords, tiles.attrs)


def _patches(slide_id: str, coords: np.ndarray, attrs: Mapping[str, Any]) -> dict[PurePath, bytes]:
    size = np.array([attrs["slide_width"], attrs["slide_height"]])

    def fill(file: h5py.File) -> None:
        geometry = {name: value for name, value in attrs.items() if not name.startswith(_OF_VECTORS)}
        file.attrs[KEPT] = kept_text(slide_id, geometry)
        dataset = _chunked(file, "coords", coords.astype(np.int64))
        # CLAM reads patch_size px of one level and scales them to the encoder's input; level 0 always exists.
        dataset.attrs["patch_size"] = round(attrs["tile_px_level0"])
        dataset.attrs["patch_level"] = 0
        dataset.attrs["downsample"] = np.array([1.0, 1.0])
        dataset.attrs["downsampled_level_dim"] = size
        dataset.attrs["level_dim"] = size
        dataset.attrs["name"] = slide_id
        dataset.attrs["save_path"] = "patches"

    return {PurePath("patches") / f"{slide_id}.h5": hdf5_bytes(fill)}


def _chunked(file: h5py.File, name: str, values: np.ndarray) -> h5py.Dataset:
    width = values.shape[1]
    return file.create_dataset(name, data=values, chunks=(_CHUNK, width), maxshape=(None, width))


def _facts(path: Path, coords: h5py.Dataset) -> dict[str, Any]:
    attrs = coords.attrs
    side = number(path, "patch_size", attrs["patch_size"])
    level = int(plain(attrs["patch_level"]))
    facts: dict[str, Any] = {"tile_px": round(side)}
    if "downsample" in attrs or level == 0:
        shrink = number(path, "downsample", attrs["downsample"]) if "downsample" in attrs else 1.0
        extra = number(path, "custom_downsample", attrs.get("custom_downsample", 1))
        facts["tile_px_level0"] = side * shrink * extra
        if "level_dim" in attrs:
            shrinks = np.broadcast_to(np.asarray(attrs.get("downsample", 1.0), float).reshape(-1), (2,))
            width, height = np.rint(np.asarray(attrs["level_dim"], float).reshape(-1)[:2] * shrinks)
            facts["slide_width"], facts["slide_height"] = int(width), int(height)
        step = _step(coords[:])
        if step is not None:
            facts["overlap_px"] = max(0, round(side - step / (shrink * extra)))
    return facts


def _step(coords: np.ndarray) -> float | None:
    """Return the usual distance of neighbours in a column, in level-0 px; None where no column has two tiles."""
    places = coords[:, :2].astype(np.int64)
    steps = np.diff(places[np.lexsort((places[:, 1], places[:, 0]))], axis=0)
    down = steps[(steps[:, 0] == 0) & (steps[:, 1] > 0), 1]
    return float(np.median(down)) if len(down) else None


def _facts_beside(path: Path, patches: Path | None, tiles: int) -> dict[str, Any]:
    folders = (
        [patches] if patches is not None else [path.parent.parent / "patches", path.parent.parent.parent / "patches"]
    )
    beside = next((folder / f"{path.stem}.h5" for folder in folders if (folder / f"{path.stem}.h5").is_file()), None)
    if beside is None:
        return {}
    try:
        with h5py.File(beside, "r") as file:
            coords = file["coords"]
            if "patch_level" not in coords.attrs:
                return {}
            facts, listed, kept = _facts(beside, coords), len(coords), read_kept(file)
    except DAMAGE as error:
        msg = f"{beside} is not a whole tile file of CLAM ({error}); take it away or copy it again"
        raise InputError(msg) from error
    if listed != tiles:
        msg = f"{beside} lists {listed} tiles and {path} holds {tiles}; they do not belong together"
        raise InputError(msg)
    kept.pop("slide_id", None)
    return kept or facts
