"""One look at a slide: what lies where, and whether it is worth cutting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.errors import InputError
from pipelines.tissue import coverage, find, focus, pen, stain_check
from pipelines.tissue.classes import SWITCHES, Area

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np

    from pipelines.slides import Slide


@dataclass(frozen=True)
class Survey:
    """A slide at low resolution.

    Attributes
    ----------
    image : (H, W, 3) uint8 RGB.
    classes : (H, W) uint8 of ``Area`` values.
    mpp : µm per pixel of both.
    """

    image: np.ndarray
    classes: np.ndarray
    mpp: float

    @property
    def tissue(self) -> np.ndarray:
        """What is tissue or may be: (H, W) bool. What could not be read here stays a candidate."""
        return (self.classes == Area.TISSUE) | (self.classes == Area.UNREADABLE)

    def area_mm2(self, part: np.ndarray) -> float:
        """Return the size in mm² of what is True in a mask (H, W)."""
        return float(part.sum()) * self.mpp**2 / 1e6


def survey(slide: Slide, keep: Collection[str] = (), any_stain: bool = False, with_focus: bool = True) -> Survey:
    """Look at a slide.

    Parameters
    ----------
    slide : open slide.
    keep : names of ``SWITCHES``: reasons for which nothing is dropped.
    any_stain : do not insist on haematoxylin and eosin.
    with_focus : look for tissue out of focus, which needs a few finer pictures.

    Raises
    ------
    InputError
        If no part of the slide can be decoded, or its colours are not those of an H&E section.
    """
    overview = slide.overview(find.OVERVIEW_MPP)
    if not overview.readable.any():
        msg = f"{slide.path} opens, but no part of it can be decoded; copy or export it again"
        raise InputError(msg)
    against = None if any_stain else stain_check.why_not_he(overview.image, overview.mpp)
    if against:
        msg = f"{slide.path}: no tissue found, for this is no H&E section: {against}; --any-stain tiles it all the same"
        raise InputError(msg)
    kept = {area for name in keep for area in SWITCHES[name]}
    classes = find.classify(overview.image, overview.mpp, keep=kept, any_stain=any_stain)
    classes[~overview.readable] = Area.UNREADABLE
    if with_focus and Area.BLUR not in kept:
        classes[focus.find_blur(slide, classes == Area.TISSUE)] = Area.BLUR
    return Survey(overview.image, classes, overview.mpp)


def thresholds() -> dict[str, Any]:
    """Return every number that a survey depends on, so that a change of one redoes the slides."""
    modules = (coverage, find, focus, pen, stain_check)
    return {
        f"{module.__name__.rpartition('.')[2]}.{name.lower()}": value
        for module in modules
        for name, value in sorted(vars(module).items())
        if name.isupper() and isinstance(value, int | float | tuple | dict)
    }
