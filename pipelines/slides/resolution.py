"""How many micrometres a pixel is: what the file says, what was given, and when neither can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openslide

from pipelines.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

PLAUSIBLE_MPP = (0.02, 20.0)
"""Scans lie inside; a print resolution of 72 dpi (353 µm/px) that an image program left in a TIFF lies outside."""
MPP_TOLERANCE = 0.02
"""Largest relative difference between mpp-x and mpp-y, or between a slide's own mpp and the one given for it."""


def resolution_of(
    path: Path,
    handle: openslide.OpenSlide,
    given: float | None,
    only_if_missing: bool = False,
    mpp_flag: str = "--slide-mpp",
) -> tuple[float, str]:
    """Return (µm per level-0 px, "file" or "given"); ``InputError`` as ``open_slide`` says."""
    if given is not None and not PLAUSIBLE_MPP[0] <= given <= PLAUSIBLE_MPP[1]:
        msg = f"{path}: the given mpp {given:g} is not in {PLAUSIBLE_MPP[0]:g}-{PLAUSIBLE_MPP[1]:g} µm/px; correct it"
        raise InputError(msg)
    along_x = _positive(handle.properties.get(openslide.PROPERTY_NAME_MPP_X))
    along_y = _positive(handle.properties.get(openslide.PROPERTY_NAME_MPP_Y))
    known = along_x is not None and along_y is not None
    if known and abs(along_x - along_y) / max(along_x, along_y) > MPP_TOLERANCE:
        msg = (
            f"{path} has pixels that are not square (mpp {along_x:g} x {along_y:g}), beyond the 2 % allowed; "
            "export it again with square pixels"
        )
        raise InputError(msg)
    own = (along_x + along_y) / 2 if known else None
    if own is not None and PLAUSIBLE_MPP[0] <= own <= PLAUSIBLE_MPP[1]:
        differs = given is not None and abs(own - given) / own > MPP_TOLERANCE
        if differs and not only_if_missing:
            msg = f"{path} says {own:g} µm per pixel but {given:g} was given; leave the given value out for this slide"
            raise InputError(msg)
        return own, "file"
    if given is not None:
        return given, "given"
    says = "does not say its resolution" if own is None else f"claims {own:g} µm per pixel, which no scanner makes"
    msg = f"{path} {says}; give µm per pixel with {mpp_flag} (or an mpp column in the slide table)"
    raise InputError(msg)


def _positive(text: str | None) -> float | None:
    try:
        value = float(text) if text else 0.0
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None
