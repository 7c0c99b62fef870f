"""The tile file: which tiles of a slide are to be read; TRIDENT's ``patches`` layout with exact file attributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h5py

from pipelines.damage import DAMAGE
from pipelines.errors import InputError
from pipelines.features.feature_file import read_attrs, write_attrs, write_coords
from pipelines.features.heap import refuse_endless
from pipelines.files import hdf5_bytes, write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

FORMAT = "wsi-swarm tiles 1"


@dataclass(frozen=True)
class Tiles:
    """The tiles of one slide.

    Attributes
    ----------
    slide_id : str.
    coords : (N, 2) int32, top-left corners in level-0 px.
    attrs : from ``features.describe_tiles``, and ``mpp_origin``, ``reader``, ``dropped``.
    """

    slide_id: str
    coords: np.ndarray
    attrs: dict[str, Any]


def write_tiles(path: Path, tiles: Tiles) -> None:
    """Write a tile file atomically."""
    write_bytes(path, tiles_bytes(tiles, path.parent.name))


def tiles_bytes(tiles: Tiles, folder: str) -> bytes:
    """Return the bytes of the tile file for a folder of this name."""

    def fill(file: h5py.File) -> None:
        write_attrs(file, {"format": FORMAT, "slide_id": tiles.slide_id, **tiles.attrs})
        write_coords(file, tiles.slide_id, folder, tiles.coords, tiles.attrs)

    return hdf5_bytes(fill)


def read_tiles(path: Path) -> Tiles:
    """Read a tile file.

    Raises
    ------
    InputError
        If it is missing or not whole.
    """
    refuse_endless(path)
    try:
        with h5py.File(path, "r") as file:
            attrs, coords = read_attrs(file), file["coords"][:]
    except DAMAGE as error:
        msg = f"{path} is not a whole tile file ({error}); run `wsi-swarm tile` again"
        raise InputError(msg) from error
    if attrs.pop("format", None) != FORMAT:
        msg = f"{path} is no tile file of wsi-swarm; run `wsi-swarm tile`"
        raise InputError(msg)
    if "slide_id" not in attrs or coords.ndim != 2 or coords.shape[1] != 2:
        msg = f"{path} is not a whole tile file; run `wsi-swarm tile` again"
        raise InputError(msg)
    return Tiles(str(attrs.pop("slide_id")), coords, attrs)
