"""STAMP's layout: ``feats`` (float16) and ``coords`` (µm, float32), the rest as attributes of the file."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from pipelines.errors import InputError
from pipelines.features.content import KEPT, Content, kept_text, number, plain, read_kept
from pipelines.files import hdf5_bytes

if TYPE_CHECKING:
    from pipelines.features.feature_file import Features

NAME = "stamp"


def recognise(file: h5py.File) -> bool:
    """Return whether an HDF5 file is of this layout."""
    return isinstance(file.get("feats"), h5py.Dataset)


def content(file: h5py.File, path: Path) -> Content:
    """Describe a file of this layout; older ones state neither extractor nor the unit of their coordinates."""
    attrs, vectors = file.attrs, file["feats"]
    kind = plain(attrs.get("feat_type"))
    if kind not in (None, "tile") or vectors.ndim != 2:
        msg = f"{path} holds one vector per {kind or 'slide'}, not tiles; name the folder of tile features"
        raise InputError(msg)
    facts: dict[str, Any] = {"overlap_px": 0}
    unit: str | None = None
    if "tile_size_um" in attrs or plain(attrs.get("unit")) == "um":
        unit = "um"
        name = "tile_size_um" if "tile_size_um" in attrs else "tile_size"
        if name in attrs:
            facts["tile_um"] = number(path, name, attrs[name])
    if "tile_size_px" in attrs:
        facts["tile_px"] = round(number(path, "tile_size_px", attrs["tile_size_px"]))
    extractor = plain(attrs.get("extractor"))
    if extractor is not None:
        facts["encoder"] = str(extractor)
    kept = read_kept(file)
    return Content(
        layout=NAME,
        slide_id=str(kept.pop("slide_id", path.stem)),
        vectors="feats",
        tiles=len(vectors),
        dim=int(vectors.shape[1]),
        unit=unit if "coords" in file else "none",
        facts=kept or facts,
        ours=bool(kept),
    )


def files_of_features(features: Features, encoder: str) -> dict[PurePath, bytes]:
    """Return the file that STAMP's readers open, below their folder of features.

    ``stamp_version`` and ``code_hash`` are left out: STAMP did not make the file, and its readers do not need them.
    """
    attrs = features.attrs

    def fill(file: h5py.File) -> None:
        file["coords"] = (features.coords.astype(np.float64) * attrs["mpp"]).astype(np.float32)
        file["feats"] = features.features
        file.attrs["extractor"] = features.encoder
        file.attrs["unit"] = "um"
        file.attrs["tile_size_um"] = attrs["tile_um"]
        file.attrs["tile_size_px"] = attrs["tile_px"]
        file.attrs["feat_type"] = "tile"
        file.attrs[KEPT] = kept_text(features.slide_id, attrs)

    return {PurePath(encoder) / f"{features.slide_id}.h5": hdf5_bytes(fill)}
