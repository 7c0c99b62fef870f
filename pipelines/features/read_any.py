"""Feature files as they are: native, TRIDENT, STAMP, CLAM and AtlasPatch, told apart by what they hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from pipelines.damage import DAMAGE
from pipelines.errors import InputError
from pipelines.features import atlaspatch, clam, stamp, trident
from pipelines.features.content import GEOMETRY, HASHES, NOTHING, Content, Given, lacking, level0_coords, settle
from pipelines.features.feature_file import FORMAT as FEATURES_FORMAT
from pipelines.features.feature_file import REQUIRED_ATTRS, Features, read_attrs, read_features
from pipelines.features.heap import refuse_endless
from pipelines.features.tile_file import FORMAT as TILES_FORMAT
from pipelines.features.tile_file import Tiles, read_tiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

UNKNOWN_ENCODER = "unknown"
_AGAIN = "delete it and run 'wsi-swarm extract' again, or copy it again"


@dataclass(frozen=True)
class Described:
    """A feature or tile file, without its vectors.

    Attributes
    ----------
    content : what the file says of itself.
    attrs : the native attributes that are known; ``unknown`` names the others. Empty ``unknown`` is left out.
    """

    content: Content
    attrs: dict[str, Any]


def describe_any(path: Path, given: Given = NOTHING, patches: Path | None = None) -> Described:
    """Say what a feature or tile file of any known layout holds, without reading its vectors.

    Parameters
    ----------
    path : .h5 file, or a .pt file of CLAM.
    given : what is known besides.
    patches : folder of CLAM's tile files, where it is not beside the features.

    Raises
    ------
    InputError
        If it is missing, not whole, or of no known layout.
    """
    if not path.is_file():
        msg = f"{path} does not exist; make it with `wsi-swarm extract`"
        raise InputError(msg)
    if path.suffix.lower() == ".pt":
        content = _content_of_pt(path, patches)
    else:
        refuse_endless(path)
        try:
            with h5py.File(path, "r") as file:
                content = _content(file, path, given, patches)
        except DAMAGE as error:
            msg = f"{path} is not a whole feature file ({error}); {_AGAIN}"
            raise InputError(msg) from error
    attrs = settle(content, given)
    if not attrs.get("unknown", True):
        del attrs["unknown"]
    return Described(content, attrs)


def read_any(path: Path, given: Given = NOTHING, patches: Path | None = None) -> Features:
    """Read a feature file of any known layout.

    Returns
    -------
    Features
        The vectors in the type of the file (float16 or float32). ``attrs`` holds what is known; ``attrs["unknown"]``
        names what is not, and then its key is absent. Coordinates are int32 level-0 px; where that cannot be told
        they are as in the file and ``attrs["coords_unit"]`` says in what, and without any they are of shape (0, 2).

    Raises
    ------
    InputError
        As ``describe_any``; also if the file holds no features, or shapes that do not fit.
    """
    described = describe_any(path, given, patches)
    content = described.content
    if content.vectors is None:
        msg = f"{path} holds tiles and no features; make them with `wsi-swarm extract`"
        raise InputError(msg)
    if content.layout == "native":
        return read_features(path)
    unit = content.unit if content.unit is not None else given.unit
    try:
        values, coords = _arrays(path, content)
        coords, unit_now = level0_coords(coords, unit, described.attrs.get("mpp"))
    except DAMAGE as error:
        msg = f"{path} is not a whole feature file ({error}); {_AGAIN}"
        raise InputError(msg) from error
    if values.size == 0:
        values = values.reshape(len(coords) if content.unit != "none" else 0, content.dim or 0)
    if values.ndim != 2 or values.dtype.kind != "f" or (content.unit != "none" and coords.shape != (len(values), 2)):
        msg = f"{path}: features {values.shape} of {values.dtype} against coords {coords.shape} do not fit; {_AGAIN}"
        raise InputError(msg)
    attrs = dict(described.attrs)
    if unit_now != "px":
        attrs["coords_unit"] = unit_now
        attrs["unknown"] = sorted({*attrs.get("unknown", []), "coords"})
    return Features(content.slide_id, values, coords, attrs)


def read_any_tiles(path: Path, given: Given = NOTHING) -> Tiles:
    """Read the tiles of a tile file of any known layout; ``attrs`` as in ``read_any``, without encoder and hashes.

    Raises
    ------
    InputError
        As ``describe_any``.
    """
    described = describe_any(path, given)
    if described.content.layout == "native" and described.content.vectors is None:
        return read_tiles(path)
    try:
        with h5py.File(path, "r") as file:
            coords, _ = level0_coords(file["coords"][:, :2], "px", None)
    except DAMAGE as error:
        msg = f"{path} is not a whole tile file ({error}); {_AGAIN}"
        raise InputError(msg) from error
    return Tiles(described.content.slide_id, coords, described.attrs)


def read_on_slide(path: Path, slide_size: tuple[int, int], mpp: float) -> Features:
    """Read a feature file of any layout for a slide that is at hand, which fills in what the file does not say.

    Raises
    ------
    InputError
        As ``read_any``; also if the geometry of the tiles is still not known.
    """
    features = read_any(path, Given(mpp=mpp, slide_size=slide_size))
    attrs = {"encoder": UNKNOWN_ENCODER, **features.attrs}
    return replace(features, attrs=completed(path, attrs, [*GEOMETRY, "encoder"]))


def in_float16(path: Path, values: np.ndarray) -> np.ndarray:
    """Return vectors in float16, which rounds float32 to 11 significant bits.

    Raises
    ------
    InputError
        If a value is not finite, or too large for float16.
    """
    if not np.isfinite(values).all():
        msg = f"{path} holds a value that is not finite; extract the slide again"
        raise InputError(msg)
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float16, copy=False)
    if not np.isfinite(narrow).all():
        msg = (
            f"{path} holds values up to {np.abs(values).max():.4g}, and float16 ends at {np.finfo(np.float16).max:g}; "
            "scale the encoder's output down when extracting"
        )
        raise InputError(msg)
    return narrow


def completed(path: Path, attrs: dict[str, Any], wanted: Sequence[str], *, tiles_only: bool = False) -> dict[str, Any]:
    """Return attributes with everything native that no tile geometry hangs on: an empty hash or count is "not known".

    Raises
    ------
    InputError
        If one of ``wanted`` or the unit of the coordinates is not known, with the flags that supply it.
    """
    unsaid = lacking(attrs, wanted)
    if attrs.get("coords_unit") in ("unknown", "none"):
        unsaid += lacking({}, ["coords" if attrs["coords_unit"] == "unknown" else "none"])
    if unsaid:
        msg = f"{path} does not say {', '.join(unsaid)}; `wsi-swarm convert` takes what is in brackets"
        raise InputError(msg)
    made = {} if tiles_only else {"software": f"wsi-swarm {version('wsi-swarm')}", **dict.fromkeys(HASHES, "")}
    return {"reader": "unknown", "dropped": {}, **made, **attrs}


def _content(file: h5py.File, path: Path, given: Given, patches: Path | None) -> Content:
    stated = file.attrs.get("format")
    if stated in (FEATURES_FORMAT, TILES_FORMAT):
        return _native_content(file, path, is_tiles=stated == TILES_FORMAT)
    if atlaspatch.recognise(file):
        return atlaspatch.content(file, path, given.encoder)
    if stamp.recognise(file):
        return stamp.content(file, path)
    if trident.recognise(file):
        return trident.content(file, path)
    if clam.recognise(file):
        return clam.content(file, path, patches)
    held = ", ".join(sorted(file)[:5]) or "nothing"
    msg = (
        f"{path} is no feature or tile file of wsi-swarm, TRIDENT, STAMP, CLAM or AtlasPatch (it holds {held}); "
        "name the folder of tile features"
    )
    raise InputError(msg)


def _native_content(file: h5py.File, path: Path, *, is_tiles: bool) -> Content:
    attrs = read_attrs(file)
    del attrs["format"]
    slide_id = str(attrs.pop("slide_id"))
    missing = [] if is_tiles else [name for name in REQUIRED_ATTRS if name not in attrs]
    if missing:
        msg = f"{path} is not a whole feature file (lacks {', '.join(missing)}); {_AGAIN}"
        raise InputError(msg)
    dim = None if is_tiles else int(file["features"].shape[1])
    return Content(
        "native", slide_id, None if is_tiles else "features", len(file["coords"]), dim, "px", attrs, ours=True
    )


def _content_of_pt(path: Path, patches: Path | None) -> Content:
    values = clam.read_pt(path)
    beside = _h5_of(path)
    if beside.is_file():
        try:
            with h5py.File(beside, "r") as file:
                pair = clam.content(file, beside, patches)
        except DAMAGE as error:
            msg = f"{beside} is not a whole feature file ({error}); {_AGAIN}"
            raise InputError(msg) from error
        return Content(clam.NAME, pair.slide_id, "pt", len(values), values.shape[1], "px", pair.facts, ours=pair.ours)
    return Content(clam.NAME, path.stem, "pt", len(values), values.shape[1], "none")


def _h5_of(path: Path) -> Path:
    """Return the .h5 file of CLAM that belongs to a .pt file."""
    return path.parent.parent / "h5_files" / f"{path.stem}.h5"


def _arrays(path: Path, content: Content) -> tuple[np.ndarray, np.ndarray]:
    values = clam.read_pt(path) if content.vectors == "pt" else None
    source = _h5_of(path) if values is not None else path
    nowhere = np.zeros((0, 2), np.int32)
    if content.unit == "none" and values is not None:
        return values, nowhere
    with h5py.File(source, "r") as file:
        coords = nowhere if content.unit == "none" else file["coords"][:]
        values = file[content.vectors][:] if values is None else values
    return values, coords[:, :2] if coords.ndim == 2 else coords
