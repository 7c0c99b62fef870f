"""Pen marks on the glass, by how their ink takes light away; real tissue never does so to that extent."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.tissue.classes import Area
from pipelines.tissue.density import darkest, total_density
from pipelines.tissue.morphology import ellipse, opened, touching

PEN_MPP = 16.0
"""Strokes are looked for at this scale; finer detail does not help and costs time."""
STROKE_UM = 100.0
"""Narrower marks are no pen: vessels full of blood are narrower, the finest felt pens are broader."""
REACH_UM = 200.0
"""How far a stroke's pale rim may lie from the stroke."""
SPREADS = 4.5
"""A colour is no tissue of this slide when it lies so many robust standard deviations beyond the slide's median."""
CYAN = {"core": 0.10, "tissue": 0.0, "stroke": -0.15, "rim": -0.1, "red": 0.3}
"""Green and blue ink take away more red than green light; haematoxylin and eosin do not. "core" is the difference of
the optical densities, the others are shares of the whole density; "red" is the least density of red over tissue."""
RED = {
    "core": 0.45,
    "tissue": 0.40,
    "stroke": 0.34,
    "rim": 0.36,
    "green": 0.25,
    "strong": 0.35,
    "red": 0.4,
    "brown": -0.4,
}
"""Red ink takes away green and blue light and next to no red light; blood does so too, but less. The share of red less
green light is above "brown" in what is brown."""
DARK = {"core": (0.5, 0.65), "times": 3.5, "rim": 0.3, "rim_times": 2.0}
"""Black and dark blue ink take away red light as no tissue does; how dark that is depends on the slide's stain."""
_BLUE_SHARE = 0.65
_BLACK, _BLACK_SHARE = 0.6, 0.6
_FAINT = 0.08
_STAINED = 0.03


@dataclass(frozen=True)
class _Usual:
    """What most of the stained pixels of a slide look like: bounds of its tissue's colours, median density of red."""

    cyan: float
    red: float
    density: float


def find_pen(density: np.ndarray, mpp: float) -> np.ndarray:
    """Return which ink lies on each pixel.

    Parameters
    ----------
    density : (H, W, 3) optical density, smoothed.
    mpp : µm per pixel.

    Returns
    -------
    (H, W) uint8 of ``Area`` values; 0 where there is no ink.

    Notes
    -----
    A mark begins with a solid core of a colour that no tissue has; what touches it and has a colour that this slide's
    tissue has not belongs to the stroke, and paler ink close by is its rim (hysteresis in two steps).
    """
    height, width = density.shape[:2]
    scale = max(1.0, PEN_MPP / mpp)
    size = (max(1, round(width / scale)), max(1, round(height / scale)))
    coarse = cv2.resize(density, size, interpolation=cv2.INTER_AREA)
    inks = _inks(coarse, mpp * width / size[0])
    return cv2.resize(inks, (width, height), interpolation=cv2.INTER_NEAREST)


def _inks(density: np.ndarray, mpp: float) -> np.ndarray:
    red, green, blue = np.moveaxis(density, -1, 0)
    total = np.maximum(total_density(density), 1e-3)
    seen = total > _FAINT
    cyan_share, red_share = (red - green) / total, (blue - red) / total
    usual = _usual(density, cyan_share, red_share)
    inks = np.zeros(density.shape[:2], np.uint8)

    core = (red - green > CYAN["core"]) | ((cyan_share > max(CYAN["tissue"], usual.cyan)) & (red > CYAN["red"]))
    stroke = (cyan_share > max(CYAN["stroke"], usual.cyan)) & seen
    mark = _grown(core, stroke, (cyan_share > CYAN["rim"]) & seen, mpp)

    passes = (red < RED["red"]) & (cyan_share < RED["brown"]) & seen & ~mark
    core = (red_share > RED["core"]) & (green > RED["green"]) | (blue - red > RED["strong"])
    core |= (red_share > max(RED["tissue"], usual.red)) & (green > RED["green"])
    stroke = red_share > max(RED["stroke"], usual.red)
    inks[_grown(core & passes, stroke & passes, (red_share > RED["rim"]) & passes, mpp)] = Area.RED_PEN

    free = (inks == 0) & ~mark
    core = (red > np.clip(DARK["times"] * usual.density, *DARK["core"])) & free
    rim = (red > max(DARK["rim"], DARK["rim_times"] * usual.density)) & free
    mark |= _grown(core, core, rim, mpp)
    if mark.any():
        inks[mark] = _name(density, cyan_share, mark, mpp)[mark]
    return inks


def _usual(density: np.ndarray, cyan_share: np.ndarray, red_share: np.ndarray) -> _Usual:
    red, green, blue = np.moveaxis(density, -1, 0)
    stained = (green - np.minimum(red, blue) > _STAINED) & (green > red)
    if not stained.any():
        return _Usual(0.0, 0.0, 0.0)
    bounds = []
    for share in (cyan_share, red_share):
        low, median = np.percentile(share[stained], (25, 50))
        # Ink widens the upper half only. A normal distribution's quartile lies 0.674 deviations from its median.
        bounds.append(float(median + SPREADS * (median - low) / 0.674))
    return _Usual(*bounds, float(np.median(red[stained])))


def _grown(core: np.ndarray, stroke: np.ndarray, rim: np.ndarray, mpp: float) -> np.ndarray:
    solid = opened(core, STROKE_UM / mpp)
    if not solid.any():
        return solid
    strokes = touching(solid, opened(stroke | core, 3))
    near = cv2.dilate(strokes.astype(np.uint8), ellipse(2 * REACH_UM / mpp)) > 0
    return touching(strokes, near & rim)


def _name(density: np.ndarray, cyan_share: np.ndarray, mark: np.ndarray, mpp: float) -> np.ndarray:
    """Return the ink of each pixel of a mark that is not red: what most of the telling pixels around it look like."""
    red, green, blue = np.moveaxis(density, -1, 0)
    least = darkest(density)
    is_black = mark & (cyan_share < CYAN["core"]) & (least > np.maximum(_BLACK, _BLACK_SHARE * red))
    is_blue = mark & ~is_black & (blue < _BLUE_SHARE * green)
    is_green = mark & ~is_black & ~is_blue & (cyan_share > CYAN["core"])
    inks = np.array([Area.BLACK_PEN, Area.BLUE_PEN, Area.GREEN_PEN], np.uint8)
    votes = [kind.astype(np.float32) for kind in (is_black, is_blue, is_green)]
    side = max(1, round(2 * STROKE_UM / mpp) | 1)
    near = np.stack([cv2.boxFilter(vote, -1, (side, side)) for vote in votes])
    count, areas = cv2.connectedComponents(mark.astype(np.uint8), connectivity=8)
    whole = np.stack([np.bincount(areas[mark], vote[mark], count) for vote in votes])
    # Where nothing around tells, the rest of the mark does.
    return np.where(near.max(axis=0) > 0, inks[near.argmax(axis=0)], inks[whole.argmax(axis=0)][areas])
