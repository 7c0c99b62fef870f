"""The native feature file: one HDF5 per slide and encoder, self-describing, a superset of TRIDENT's layout."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from pipelines.damage import DAMAGE
from pipelines.errors import InputError
from pipelines.features.content import GEOMETRY, HASHES
from pipelines.features.heap import refuse_endless
from pipelines.features.trident import coords_attrs
from pipelines.files import hdf5_bytes, write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "wsi-swarm features 1"
_JSON_ATTRS = frozenset({"dropped", "unknown"})
REQUIRED_ATTRS = (*GEOMETRY, "encoder", *HASHES, "reader", "software", "dropped")


@dataclass(frozen=True)
class Features:
    """The tiles of one slide as vectors.

    Attributes
    ----------
    slide_id : str.
    features : (N, D) float16; files of other layouts may hold float32.
    coords : (N, 2) int32, top-left corner of each tile in level-0 px.
    attrs : the file's attributes; ``describe`` makes them.
    """

    slide_id: str
    features: np.ndarray
    coords: np.ndarray
    attrs: dict[str, Any]

    @property
    def encoder(self) -> str:
        """Name of the encoder's card."""
        return str(self.attrs["encoder"])

    @property
    def tile_px_level0(self) -> float:
        """Side of a tile in level-0 px, not rounded."""
        return float(self.attrs["tile_px_level0"])

    @property
    def tile_um(self) -> float:
        """Side of a tile in µm."""
        return float(self.attrs["tile_um"])

    @property
    def mpp(self) -> float:
        """µm per level-0 px."""
        return float(self.attrs["mpp"])

    @property
    def slide_size(self) -> tuple[int, int]:
        """(width, height) of level 0 in px."""
        return int(self.attrs["slide_width"]), int(self.attrs["slide_height"])


def describe(
    *,
    slide_size: tuple[int, int],
    mpp: float,
    requested_mpp: float = 0.5,
    tile_px: int = 224,
    overlap_px: int = 0,
    encoder: str,
    encoder_card_sha256: str = "",
    weights_sha256: str = "",
    reader: str = "",
    dropped: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return the attributes of a feature file; sizes in µm and level-0 px follow from ``tile_px`` and the mpp's."""
    return {
        **describe_tiles(slide_size, mpp, requested_mpp, tile_px, overlap_px),
        "encoder": encoder,
        "encoder_card_sha256": encoder_card_sha256,
        "weights_sha256": weights_sha256,
        "reader": reader,
        "software": f"wsi-swarm {version('wsi-swarm')}",
        "dropped": dict(dropped or {}),
    }


def describe_tiles(
    slide_size: tuple[int, int], mpp: float, requested_mpp: float, tile_px: int, overlap_px: int
) -> dict[str, Any]:
    """Return the attributes that say how a slide was tiled; shared by tile files and feature files."""
    return {
        "slide_width": int(slide_size[0]),
        "slide_height": int(slide_size[1]),
        "mpp": float(mpp),
        "requested_mpp": float(requested_mpp),
        "tile_px": int(tile_px),
        "tile_um": float(tile_px * requested_mpp),
        "tile_px_level0": float(tile_px * requested_mpp / mpp),
        "overlap_px": int(overlap_px),
    }


def write_features(path: Path, features: Features) -> None:
    """Write a feature file atomically; equal input gives equal bytes.

    Raises
    ------
    ValueError
        If shapes disagree, an attribute is missing or a value is not finite in float16.
    """
    write_bytes(path, features_bytes(features, path.parent.name))


def features_bytes(features: Features, folder: str) -> bytes:
    """Return the bytes of the feature file for a folder of this name; raises as ``write_features``."""
    values = np.ascontiguousarray(features.features, np.float16)
    missing = [name for name in REQUIRED_ATTRS if name not in features.attrs]
    if missing:
        msg = f"features of {features.slide_id} lack the attributes {', '.join(missing)}"
        raise ValueError(msg)
    if values.ndim != 2 or features.coords.shape != (len(values), 2):
        msg = f"features {values.shape} and coords {features.coords.shape} of {features.slide_id} do not fit"
        raise ValueError(msg)
    if not np.isfinite(values).all():
        msg = f"features of {features.slide_id} hold values that float16 cannot hold"
        raise ValueError(msg)

    def fill(file: h5py.File) -> None:
        write_attrs(file, {"format": FORMAT, "slide_id": features.slide_id, **features.attrs})
        # Contiguous, not chunked: TRIDENT's (1, D) chunks make reading about ten times slower.
        dataset = file.create_dataset("features", data=values)
        write_attrs(dataset, {"name": features.slide_id, "savetodir": folder, "encoder": features.attrs["encoder"]})
        write_coords(file, features.slide_id, folder, features.coords, features.attrs)

    return hdf5_bytes(fill)


def write_coords(file: h5py.File, slide_id: str, folder: str, coords: np.ndarray, attrs: Mapping[str, Any]) -> None:
    """Add the dataset ``coords`` with TRIDENT's attributes; the exact ones are the file's."""
    dataset = file.create_dataset("coords", data=np.ascontiguousarray(coords, np.int32))
    write_attrs(dataset, coords_attrs(slide_id, folder, attrs))


def write_attrs(target: h5py.File | h5py.Dataset, attrs: Mapping[str, Any]) -> None:
    """Write attributes, in the order of their names; a mapping or list becomes JSON text."""
    for name, value in sorted(attrs.items()):
        plain = isinstance(value, str | int | float)
        target.attrs[name] = value if plain else json.dumps(value, sort_keys=True, allow_nan=False)


def read_attrs(file: h5py.File) -> dict[str, Any]:
    """Read a file's attributes as plain Python values; ``dropped`` and ``unknown`` come back as what they were."""
    attrs = {name: value.item() if isinstance(value, np.generic) else value for name, value in file.attrs.items()}
    return {name: json.loads(value) if name in _JSON_ATTRS else value for name, value in attrs.items()}


def read_features(path: Path) -> Features:
    """Read a whole feature file.

    Raises
    ------
    InputError
        If the file is missing, cut short, or no feature file of wsi-swarm.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"{path} does not exist; make it with `wsi-swarm extract`"
        raise InputError(msg)
    refuse_endless(path)
    try:
        with h5py.File(path, "r") as file:
            attrs = read_attrs(file)
            if attrs.get("format") != FORMAT:
                found = str(attrs.get("format"))[:60]
                msg = f"{path} is no feature file of wsi-swarm (format {found!r}, wanted {FORMAT!r})"
                raise InputError(msg)
            values, coords = file["features"][:], file["coords"][:]
    except DAMAGE as error:
        msg = f"{path} is not a whole feature file ({error}); delete it and run `wsi-swarm extract` again"
        raise InputError(msg) from error
    missing = [name for name in ("slide_id", *REQUIRED_ATTRS) if name not in attrs]
    if missing or values.ndim != 2 or coords.shape != (len(values), 2):
        what = f"lacks {', '.join(missing)}" if missing else f"features {values.shape} against coords {coords.shape}"
        msg = f"{path} is not a whole feature file ({what}); delete it and run `wsi-swarm extract` again"
        raise InputError(msg)
    del attrs["format"]
    return Features(str(attrs.pop("slide_id")), values, coords, attrs)
