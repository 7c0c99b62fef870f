"""From a layout to tissue: two maps of optical density, one per stain."""

from __future__ import annotations

import cv2
import numpy as np

from wsi_swarm.study.drawing import glands, nuclei
from wsi_swarm.study.drawing.glands import GlandKind, GlandPainter
from wsi_swarm.study.drawing.layout import LAYOUT_UM, TUMOUR, Layout, Region
from wsi_swarm.study.drawing.nuclei import Nuclei, NucleusKind
from wsi_swarm.study.drawing.texture import Array, Fibres, enlarge, grain, smooth_field

GLANDS: dict[Region, tuple[GlandKind, float]] = {
    Region.MUCOSA: (glands.CRYPT, 82.0),
    Region.GLANDULAR: (glands.ADENOCARCINOMA, 104.0),
    Region.SERRATED: (glands.SERRATED_GLAND, 124.0),
    Region.MUCINOUS: (glands.FLOATING, 120.0),
}
"""Kind of gland and its spacing in um by region."""


class TissuePainter:
    """Paints one slide; ``paint`` is called once.

    Attributes
    ----------
    haematoxylin, eosin : uint8 (side, side), 1/100 of optical density at the stain's main wavelength.
    tissue : bool (side, side).
    """

    def __init__(self, rng: np.random.Generator, layout: Layout, mpp: float):
        self._rng, self._layout = rng, layout
        self._scale = 1 / mpp
        self._side = round(layout.side_um / mpp)
        self._nuclei = Nuclei(rng, self._scale)
        self.tissue = (
            enlarge(layout.outline, self._side)
            + 0.012 * enlarge(smooth_field(rng, 256, 31) + smooth_field(rng, 256, 110), self._side)
            < 0
        )

    def paint(self) -> TissuePainter:
        """Paint from the ground up: fibres, mucin and sheets, glands, loose cells, vessels, thickness."""
        self._ground()
        self._mucin()
        self._sheets()
        self._glands()
        self._loose_cells()
        self._lymphocytes_in_epithelium()
        self._vessels()
        self._finish()
        return self

    def _mask(self, *regions: Region) -> Array:
        """Return a soft-edged bool mask of regions at full resolution."""
        low = np.isin(self._layout.regions, regions).astype(np.float32)
        return enlarge(cv2.GaussianBlur(low, (0, 0), 1.5), self._side) > 0.5

    def _ground(self) -> None:
        collagen = Fibres(self._rng, self._side, self._scale, waviness=1.0, thickness_um=3.0)
        muscle = Fibres(self._rng, self._side, self._scale, waviness=0.35, thickness_um=6.0)
        self._collagen, self._muscle = collagen, muscle
        self.eosin = cv2.LUT(collagen.density, _ramp(6, 60, 0.6))
        self.haematoxylin = cv2.LUT(collagen.density, _ramp(3, 12))
        in_muscle = self._mask(Region.MUSCLE)
        self.eosin[in_muscle] = cv2.LUT(muscle.density, _ramp(38, 68))[in_muscle]
        self.haematoxylin[in_muscle] = 8
        in_mucosa = self._mask(Region.MUCOSA)
        self.eosin[in_mucosa] = cv2.LUT(collagen.density, _ramp(16, 44))[in_mucosa]

    def _mucin(self) -> None:
        pools = enlarge(smooth_field(self._rng, 400, self._layout.side_um / 75), self._side) > -1.05
        lakes = self._mask(Region.MUCINOUS) & pools
        strands = Fibres(self._rng, self._side, self._scale, waviness=2.2, thickness_um=5.0).density
        self.eosin[lakes] = cv2.LUT(strands, _ramp(2, 9))[lakes]
        self.haematoxylin[lakes] = cv2.LUT(strands, _ramp(8, 26, 2.5))[lakes]

    def _sheets(self) -> None:
        nests = enlarge(smooth_field(self._rng, 400, self._layout.side_um / 60), self._side) > -0.85
        sheets = self._mask(Region.SOLID) & nests
        self.eosin[sheets] = 50
        self.haematoxylin[sheets] = 28
        x, y = self._spread(_lattice(self._rng, self._side, 12.2 * self._scale, 0.20), sheets)
        self._nuclei.stamp(self.haematoxylin, self.eosin, nuclei.SOLID, x, y)

    def _glands(self) -> None:
        painter = GlandPainter(self._rng, self._scale, self._nuclei, self.haematoxylin, self.eosin)
        for region, (kind, spacing_um) in GLANDS.items():
            # The middle of a gland keeps away from the region's border, so that a gland lies in its own region.
            low = np.isin(self._layout.regions, [region]).astype(np.uint8)
            inner = cv2.erode(low, np.ones((3, 3), np.uint8), iterations=round(0.12 * spacing_um / LAYOUT_UM))
            jitter = 0.06 if region is Region.MUCOSA else 0.17
            lattice = _lattice(self._rng, self._side, spacing_um * self._scale, jitter)
            x, y = self._spread(
                lattice, cv2.resize(inner, (self._side, self._side), interpolation=cv2.INTER_NEAREST) > 0
            )
            for gland_x, gland_y in zip(x.tolist(), y.tolist(), strict=True):
                painter.paint(kind, gland_x, gland_y, room_um=0.56 * spacing_um)

    def _loose_cells(self) -> None:
        # Stromal cells go where no epithelium was painted: epithelial cytoplasm is bluer than collagen.
        stroma = self.tissue & (cv2.blur(self.haematoxylin, (5, 5)) < 17) & (self.eosin > 14)
        self._cells(nuclei.FIBROBLAST, 750, stroma & ~self._mask(Region.MUSCLE, Region.MUCOSA), self._collagen)
        self._cells(nuclei.MUSCLE_CELL, 900, self._mask(Region.MUSCLE), self._muscle)
        self._cells(nuclei.LYMPHOCYTE, 170, stroma)
        self._cells(nuclei.PLASMA_CELL, 130, stroma)
        lamina_propria = stroma & self._mask(Region.MUCOSA)
        self._cells(nuclei.PLASMA_CELL, 2400, lamina_propria)
        self._cells(nuclei.LYMPHOCYTE, 900, lamina_propria)
        self._cells(nuclei.FIBROBLAST, 700, lamina_propria)
        follicles = self._mask(Region.LYMPHOID)
        self.haematoxylin[follicles] = np.maximum(self.haematoxylin[follicles], 20)
        x, y = self._spread(_lattice(self._rng, self._side, 7.8 * self._scale, 0.22), follicles)
        self._nuclei.stamp(self.haematoxylin, self.eosin, nuclei.LYMPHOCYTE, x, y)

    def _lymphocytes_in_epithelium(self) -> None:
        rich = enlarge(cv2.GaussianBlur(self._layout.lymphocyte_rich.astype(np.float32), (0, 0), 1.0), self._side) > 0.5
        tumour = self._mask(*TUMOUR)
        epithelium = tumour & (cv2.blur(self.haematoxylin, (5, 5)) > 22)
        for mask, per_mm2 in ((epithelium & rich, 3000), (epithelium & ~rich, 90)):
            x, y = self._scatter(per_mm2, mask)
            self._nuclei.stamp_in_epithelium(self.haematoxylin, self.eosin, x, y)
        around = tumour & rich & self.tissue & ~epithelium & (self.eosin > 14)
        self._cells(nuclei.LYMPHOCYTE, 1800, around)

    def _vessels(self) -> None:
        rng = self._rng
        x, y = self._scatter(9, self._mask(Region.STROMA, Region.MUSCLE, Region.MUCOSA))
        angles = self._collagen.direction(x, y)
        for vessel_x, vessel_y, angle in zip(x.tolist(), y.tolist(), angles.tolist(), strict=True):
            axes = (int(rng.uniform(9, 26) * self._scale), int(rng.uniform(4.5, 8) * self._scale))
            centre, degrees = (int(vessel_x), int(vessel_y)), float(np.degrees(angle))
            for density, level in ((self.eosin, 3), (self.haematoxylin, 2)):
                cv2.ellipse(density, centre, axes, degrees, 0, 360, level, -1, cv2.LINE_AA)
            for _ in range(int(axes[0] * axes[1] / (16 * self._scale**2))):
                step, off = rng.uniform(-0.8, 0.8) * axes[0], rng.uniform(-0.6, 0.6) * axes[1]
                cell = (
                    int(vessel_x + step * np.cos(angle) - off * np.sin(angle)),
                    int(vessel_y + step * np.sin(angle) + off * np.cos(angle)),
                )
                cv2.circle(
                    self.eosin, cell, max(round(2.9 * self._scale), 1), int(rng.integers(120, 165)), -1, cv2.LINE_AA
                )

    def _finish(self) -> None:
        rng, side = self._rng, self._side
        thickness = enlarge(100 + 7 * smooth_field(rng, 128, 6), side).clip(60, 140).astype(np.uint8)
        for density, coarse_um in ((self.eosin, 3.0), (self.haematoxylin, 1.6)):
            cv2.multiply(density, grain(rng, side, coarse_um * self._scale), dst=density, scale=1 / 128)
            cv2.multiply(density, thickness, dst=density, scale=1 / 100)
            density[~self.tissue] = 0

    def _spread(self, points: Array, mask: Array) -> tuple[Array, Array]:
        """Keep the points (N, 2) whose pixel lies in ``mask``."""
        inside = mask[points[:, 1].astype(int), points[:, 0].astype(int)]
        return points[inside, 0], points[inside, 1]

    def _scatter(self, per_mm2: float, mask: Array) -> tuple[Array, Array]:
        """Return random points of a density within ``mask``."""
        count = self._rng.poisson(per_mm2 * (self._side / self._scale / 1000) ** 2)
        return self._spread(self._rng.uniform(0, self._side - 1, (count, 2)), mask)

    def _cells(self, kind: NucleusKind, per_mm2: float, mask: Array, along: Fibres | None = None) -> None:
        x, y = self._scatter(per_mm2, mask)
        angle = None if along is None else (along.direction(x, y) + self._rng.normal(0, 0.2, len(x))) % np.pi
        self._nuclei.stamp(self.haematoxylin, self.eosin, kind, x, y, angle)


def _ramp(low: float, high: float, power: float = 1.0) -> Array:
    """Return a look-up table from 0..255 to densities low..high."""
    return np.rint(low + (high - low) * np.linspace(0, 1, 256) ** power).astype(np.uint8)


def _lattice(rng: np.random.Generator, side: int, step: float, jitter: float) -> Array:
    """Return points (N, 2) of a jittered hexagonal lattice: even, but not regular, as cells lie."""
    rows = np.arange(0, side, step * 0.866)
    columns = np.arange(0, side, step)
    x, y = np.meshgrid(columns, rows)
    x = x + (np.arange(len(rows)) % 2)[:, None] * step / 2
    points = np.stack([x.ravel(), y.ravel()], 1) + rng.normal(0, jitter * step, (x.size, 2))
    return points[(points >= 0).all(1) & (points < side - 1).all(1)]
