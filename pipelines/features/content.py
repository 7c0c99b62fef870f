"""What a feature file of any layout says about its slide and tiles, and what it leaves unsaid."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import h5py

KEPT = "wsi_swarm"
"""File attribute with which our files of other layouts keep, as JSON, what their layout has no place for."""
HASHES = ("encoder_card_sha256", "weights_sha256")
GEOMETRY = (
    "slide_width",
    "slide_height",
    "mpp",
    "requested_mpp",
    "tile_px",
    "tile_um",
    "tile_px_level0",
    "overlap_px",
)
_FARTHEST_PX = 2**31 - 1
NOMINAL = ("nominal_mpp", "nominal_tile_um")
"""What tiles were meant to be where they were cut by magnification; it goes with them into their features."""
NOMINAL_TOLERANCE = 0.25
"""The coarsest magnification buckets in use put this much between the nominal and the real size of a tile."""


@dataclass(frozen=True)
class Given:
    """What somebody adds to what the files say. It only fills gaps, it overrules no file.

    Attributes
    ----------
    mpp : µm per level-0 px.
    slide_size : (width, height) of level 0 in px.
    encoder : name of the encoder.
    tile_um : side of a tile in µm, as it was meant to be.
    tile_px : side of a tile in px, as the encoder read it.
    overlap_px : overlap of neighbouring tiles in those px.
    unit : of the coordinates: "px" (level 0), "um", or µm per unit.
    """

    mpp: float | None = None
    slide_size: tuple[int, int] | None = None
    encoder: str | None = None
    tile_um: float | None = None
    tile_px: int | None = None
    overlap_px: int | None = None
    unit: str | float | None = None


NOTHING = Given()
"""Nothing is known beside the file."""


@dataclass(frozen=True)
class Content:
    """What one file says of itself, in the words of the native layout.

    Attributes
    ----------
    layout : "native", "trident", "stamp", "clam" or "atlaspatch".
    slide_id : str.
    vectors : name of the dataset that holds the features; None in a file that holds tiles only.
    tiles : number of tiles.
    dim : length of a feature vector; None in a file that holds tiles only.
    unit : of the coordinates: "px" (level 0), "um", µm per unit, None where the file does not say it, or "none" where
        it has no coordinates.
    facts : the native attributes that the file states or that follow from it exactly.
    ours : whether this software wrote the file; ``facts`` are then what it knew.
    """

    layout: str
    slide_id: str
    vectors: str | None
    tiles: int
    dim: int | None
    unit: str | float | None
    facts: dict[str, Any] = field(default_factory=dict)
    ours: bool = False


def settle(content: Content, given: Given = NOTHING) -> dict[str, Any]:
    """Return the native attributes that are known, and under ``unknown`` the names of those that are not.

    One size of a tile follows from another wherever the mpp is known. A magnification is no scale: where a file says
    "20x", ``nominal_mpp`` and ``nominal_tile_um`` hold what that stands for, and the exact ones come from level-0 px.
    """
    facts = {**_as_facts(given), **content.facts}
    if content.layout == "native":
        return dict(content.facts)
    mpp, side, wide = facts.get("mpp"), facts.get("tile_px_level0"), facts.get("tile_um")
    if side is not None and mpp is None and given.tile_um is not None:
        mpp = facts["mpp"] = given.tile_um / side
    if side is not None and mpp is not None:
        if given.tile_um is not None and "tile_um" not in content.facts:
            facts.setdefault("nominal_tile_um", given.tile_um)
            if facts.get("tile_px"):
                facts.setdefault("nominal_mpp", given.tile_um / facts["tile_px"])
        if "tile_um" not in content.facts:
            wide = facts["tile_um"] = side * mpp
    elif wide is not None and mpp is not None:
        facts["tile_px_level0"] = wide / mpp
    if "requested_mpp" not in facts and wide is not None and facts.get("tile_px"):
        facts["requested_mpp"] = wide / facts["tile_px"]
    wanted = [*GEOMETRY, *(() if content.vectors is None else ("encoder", *HASHES)), "reader", "dropped"]
    missing = {name for name in wanted if name not in facts} | ({"coords"} if content.unit == "none" else set())
    never_known = {name for name in content.facts.get("unknown", ()) if facts.get(name) in (None, "", "unknown", {})}
    facts["unknown"] = sorted(missing | never_known)
    if facts.get("nominal_tile_um") and facts.get("tile_um"):
        _check_nominal(content, facts)
    return facts


def level0_coords(coords: np.ndarray, unit: str | float | None, mpp: float | None) -> tuple[np.ndarray, str]:
    """Return coordinates in whole level-0 px and "px", or as they are with the name of what they are in.

    Coordinates in µm are divided by the mpp and rounded, so that they are exact within half a px. ``ValueError`` if one
    is not finite or beyond every slide.
    """
    if unit in (None, "none"):
        return coords, unit or "unknown"
    if unit != "px" and mpp is None:
        return coords, "um" if unit == "um" else f"{unit:g} um"
    scale = 1.0 if unit == "px" else (1.0 if unit == "um" else float(unit)) / mpp
    places = np.rint(coords.astype(np.float64) * scale)
    if not (np.abs(places) < _FARTHEST_PX).all():
        msg = f"coordinates up to {np.abs(coords).max()} are on no slide"
        raise ValueError(msg)
    return places.astype(np.int32), "px"


def lacking(attrs: Mapping[str, Any], wanted: Sequence[str]) -> list[str]:
    """Return which of ``wanted`` the attributes lack, in words, each with the flag that supplies it."""
    words = {
        "mpp": "the µm per level-0 px (--slides FOLDER or --mpp)",
        "slide": "the slide's size (--slides FOLDER or --slide-size)",
        "encoder": "the encoder (--encoder)",
        "tile_um": "the side of a tile in µm (--tile-um)",
        "tile_px": "the side of a tile in px (--tile-px)",
        "overlap_px": "the overlap of tiles (--overlap-px)",
        "coords": "the unit of its coordinates (--coords-unit)",
        "none": "where its tiles lie (use the .h5 file of this slide)",
    }
    causes = {
        "slide_width": "slide",
        "slide_height": "slide",
        "tile_px_level0": "mpp" if "tile_um" in attrs else "tile_um",
        "requested_mpp": "tile_px" if "tile_px" not in attrs else "tile_um",
        "tile_um": "mpp" if "tile_px_level0" in attrs else "tile_um",
    }
    return list(dict.fromkeys(words[causes.get(name, name)] for name in wanted if name not in attrs))


def read_kept(file: h5py.File) -> dict[str, Any]:
    """Return what ``KEPT`` holds; empty in files of others, and in ours that somebody else has changed."""
    text = file.attrs.get(KEPT)
    if text is None:
        return {}
    kept = json.loads(text)
    return kept if isinstance(kept, dict) else {}


def kept_text(slide_id: str, attrs: Mapping[str, Any]) -> str:
    """Return the value of ``KEPT``: every native attribute."""
    return json.dumps({"slide_id": slide_id, **attrs}, sort_keys=True, allow_nan=False)


def plain(value: Any) -> Any:
    """Return an attribute's value as Python knows it; the text "None" is nothing."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return None if isinstance(value, str) and value in {"None", "NA", ""} else value


def number(path: Path, name: str, value: Any) -> float:
    """Return a positive number from an attribute.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        result = float(np.asarray(plain(value)).reshape(-1)[0])
    except (TypeError, ValueError, IndexError):
        result = float("nan")
    if not 0 < result < float("inf"):
        msg = f"{path}: its attribute {name} is {value!r} and not a positive number, so the file is damaged"
        raise InputError(msg)
    return result


def _as_facts(given: Given) -> dict[str, Any]:
    named = {"mpp": given.mpp, "encoder": given.encoder, "tile_px": given.tile_px, "overlap_px": given.overlap_px}
    facts: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if given.tile_um is not None:
        facts["tile_um"] = given.tile_um
    if given.slide_size is not None:
        facts["slide_width"], facts["slide_height"] = (int(side) for side in given.slide_size)
    return facts


def _check_nominal(content: Content, facts: Mapping[str, Any]) -> None:
    real, nominal = facts["tile_um"], facts["nominal_tile_um"]
    if abs(real / nominal - 1) > NOMINAL_TOLERANCE:
        msg = (
            f"the tiles of {content.slide_id} measure {real:.4g} µm at {facts['mpp']:g} µm per level-0 px and are said "
            f"to be {nominal:.4g} µm; correct the mpp or --tile-um"
        )
        raise InputError(msg)
