"""AtlasPatch's layout, read only: ``coords`` (x, y, width, height, level) and a group of features by encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py

from pipelines.errors import InputError
from pipelines.features.content import Content
from pipelines.features.trident import magnified

if TYPE_CHECKING:
    from pathlib import Path

NAME = "atlaspatch"


def recognise(file: h5py.File) -> bool:
    """Return whether an HDF5 file is of this layout."""
    return isinstance(file.get("coords"), h5py.Dataset) and {"patch_size_level0", "target_magnification"} <= set(
        file.attrs
    )


def content(file: h5py.File, path: Path, encoder: str | None = None) -> Content:
    """Describe a file of this layout.

    Raises
    ------
    InputError
        If it holds the features of several encoders and ``encoder`` names none of them.
    """
    group = file.get("features")
    names = sorted(group) if isinstance(group, h5py.Group) else []
    if len(names) > 1 and encoder not in names:
        msg = f"{path} holds features of {', '.join(names)}; say which with --encoder"
        raise InputError(msg)
    name = encoder if encoder in names else names[0] if names else None
    facts = magnified(path, file.attrs)
    if name is not None:
        facts["encoder"] = name
    return Content(
        layout=NAME,
        slide_id=path.stem,
        vectors=None if name is None else f"features/{name}",
        tiles=len(file["coords"]),
        dim=None if name is None else int(file["features"][name].shape[1]),
        unit="px",
        facts=facts,
    )
