"""Where which tissue lies on a drawn slide: the planted truth, at 4 um per pixel."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import cv2
import numpy as np

from wsi_swarm.study.drawing.texture import Array, smooth_field

if TYPE_CHECKING:
    from wsi_swarm.study.drawing.cases import Morphology

LAYOUT_UM = 4.0
"""Side of one pixel of the layout in um."""
LOBES = 18
"""Lobes of a tumour: each is then about twice as wide as a tile, so that most tiles show one growth pattern."""


class Region(IntEnum):
    """Tissue of one layout pixel."""

    GLASS = 0
    STROMA = 1
    MUCOSA = 2
    MUSCLE = 3
    GLANDULAR = 4
    SERRATED = 5
    MUCINOUS = 6
    SOLID = 7
    LYMPHOID = 8


TUMOUR = (Region.GLANDULAR, Region.SERRATED, Region.MUCINOUS, Region.SOLID)


@dataclass(frozen=True)
class Layout:
    """The plan of one slide.

    Attributes
    ----------
    regions : uint8 (n, n), values of ``Region``, one pixel is ``LAYOUT_UM`` wide.
    lymphocyte_rich : bool (n, n), tumour whose epithelium is full of lymphocytes.
    outline : float32 (n, n), below 0 inside the tissue; enlarging it gives a smooth edge.
    """

    regions: Array
    lymphocyte_rich: Array
    outline: Array

    @property
    def side_um(self) -> float:
        """Side of the square slide in um."""
        return self.regions.shape[0] * LAYOUT_UM

    def evidence(self, target: str) -> Array:
        """Return bool (n, n): where the morphology that goes with a positive ``target`` was planted."""
        speaking = {
            "MSI": (Region.MUCINOUS, Region.SOLID, Region.LYMPHOID),
            "BRAF": (Region.MUCINOUS, Region.SERRATED),
        }[target]
        where = np.isin(self.regions, speaking)
        return where | self.lymphocyte_rich if target == "MSI" else where


def plan_layout(rng: np.random.Generator, morphology: Morphology, side_um: float) -> Layout:
    """Lay a piece of bowel wall on the glass: mucosa above, tumour growing into stroma and muscle, in any direction."""
    n = round(side_um / LAYOUT_UM)
    span = np.linspace(-1, 1, n, dtype=np.float32)
    x, y = np.meshgrid(span, span)
    turn = rng.uniform(0, 2 * np.pi)
    depth = x * np.cos(turn) + y * np.sin(turn) + 0.05 * smooth_field(rng, n, 5)
    lateral = -x * np.sin(turn) + y * np.cos(turn) + 0.05 * smooth_field(rng, n, 5)
    wide, deep = rng.uniform(0.80, 0.92, 2)
    outline = np.abs(lateral / wide) ** 3 + np.abs(depth / deep) ** 3 - 1 + 0.07 * smooth_field(rng, n, 6)
    tissue = outline < 0
    regions = np.where(tissue, Region.STROMA, Region.GLASS).astype(np.uint8)
    regions[tissue & (depth > rng.uniform(0.52, 0.66))] = Region.MUSCLE
    regions[tissue & (depth < rng.uniform(-0.58, -0.42))] = Region.MUCOSA

    where_x, where_y = rng.uniform(-0.22, 0.22), rng.uniform(-0.18, 0.02)
    reach_x, reach_y = rng.uniform(0.62, 0.78), rng.uniform(0.62, 0.74)
    mass = ((lateral - where_x) / reach_x) ** 2 + ((depth - where_y) / reach_y) ** 2 + 0.10 * smooth_field(rng, n, 7)
    tumour = tissue & (mass < 1)
    lobe = _lobes(rng, n, x, y, tumour)
    regions[tumour] = _growth_patterns(rng, lobe, tumour, morphology)[tumour]
    lymphocyte_rich = _share_of_lobes(rng, lobe, tumour, morphology.lymphocyte_rich)
    lymphocyte_rich &= tumour & (regions != Region.MUCINOUS)
    for _ in range(morphology.lymphoid_follicles):
        _follicle(rng, regions, tissue & ~tumour & (mass < 1.9) & (outline < -0.15))
    return Layout(regions, lymphocyte_rich, outline.astype(np.float32))


def _lobes(rng: np.random.Generator, n: int, x: Array, y: Array, tumour: Array) -> Array:
    """Return int (n, n): the number of the lobe that each pixel belongs to (warped Voronoi cells)."""
    candidates = np.argwhere(tumour)
    chosen = candidates[rng.choice(len(candidates), size=min(LOBES, len(candidates)), replace=False)]
    warped_x, warped_y = x + 0.05 * smooth_field(rng, n, 11), y + 0.05 * smooth_field(rng, n, 11)
    centre_x, centre_y = x[tuple(chosen.T)], y[tuple(chosen.T)]
    distance = (warped_x[..., None] - centre_x) ** 2 + (warped_y[..., None] - centre_y) ** 2
    return distance.argmin(-1)


def _growth_patterns(rng: np.random.Generator, lobe: Array, tumour: Array, morphology: Morphology) -> Array:
    """Give each lobe one growth pattern so that the areas come close to the morphology's fractions."""
    area = np.bincount(lobe[tumour], minlength=lobe.max() + 1).astype(float)
    want = {
        Region.MUCINOUS: morphology.mucinous,
        Region.SOLID: morphology.solid,
        Region.SERRATED: morphology.serrated,
    }
    excess = max(sum(want.values()) / 0.92, 1.0)
    pattern = np.full(len(area), Region.GLANDULAR, np.uint8)
    free = list(rng.permutation(len(area)))
    for region, share in want.items():
        missing = share / excess * area.sum()
        # A lobe is taken when that brings the area nearer to the wish, so that small wishes are met by small lobes.
        for number in sorted(free, key=lambda i: -area[i]) if share > 0.2 else list(free):
            if 0 < area[number] < 1.5 * missing:
                pattern[number] = region
                missing -= area[number]
                free.remove(number)
    return pattern[lobe]


def _share_of_lobes(rng: np.random.Generator, lobe: Array, tumour: Array, share: float) -> Array:
    area = np.bincount(lobe[tumour], minlength=lobe.max() + 1).astype(float)
    missing = share * area.sum()
    chosen = np.zeros(len(area), bool)
    for number in rng.permutation(len(area)):
        if 0 < area[number] < 1.5 * missing:
            chosen[number] = True
            missing -= area[number]
    return chosen[lobe]


def _follicle(rng: np.random.Generator, regions: Array, allowed: Array) -> None:
    """Put one lymphoid follicle of the Crohn-like reaction (100-180 um across) beside the tumour."""
    places = np.argwhere(allowed)
    if not len(places):
        return
    row, column = places[rng.integers(len(places))]
    radii = rng.uniform(50, 90, 2) / LAYOUT_UM
    picture = np.zeros_like(regions)
    centre, axes = (int(column), int(row)), (int(radii[0]), int(radii[1]))
    cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    regions[(picture > 0) & allowed] = Region.LYMPHOID
