"""Glands: closed outlines with an epithelium of known height, a lumen, goblet cells and rows of nuclei."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from wsi_swarm.study.drawing import nuclei as nucleus

if TYPE_CHECKING:
    from wsi_swarm.study.drawing.nuclei import Nuclei, NucleusKind
    from wsi_swarm.study.drawing.texture import Array

STEPS = 128
_TURN = np.linspace(0, 2 * np.pi, STEPS, endpoint=False)
_SUBPIXEL = 3
"""Fractional bits of OpenCV's polygon coordinates."""


@dataclass(frozen=True)
class GlandKind:
    """How glands of one growth pattern look; lengths in um, densities in 1/100 of optical density."""

    radius_um: tuple[float, float]
    elongation: tuple[float, float]
    wobble: float
    height_um: tuple[float, float]
    teeth: float
    nucleus: NucleusKind
    nucleus_step_um: float
    rows: tuple[int, int]
    row_step_um: float
    goblets: float
    eosin: int
    haematoxylin: int
    debris: float


CRYPT = GlandKind((30, 38), (1.0, 1.25), 0.03, (22, 26), 0.0, nucleus.CRYPT, 5.6, (1, 1), 0, 0.95, 46, 20, 0.0)
ADENOCARCINOMA = GlandKind(
    (34, 70), (1.0, 2.3), 0.13, (19, 27), 0.10, nucleus.TUMOUR, 6.4, (2, 3), 6.0, 0.05, 56, 30, 0.55
)
SERRATED_GLAND = GlandKind(
    (42, 72), (1.1, 2.0), 0.06, (22, 30), 0.42, nucleus.SERRATED, 7.0, (1, 1), 0, 0.30, 70, 14, 0.1
)
FLOATING = GlandKind((18, 36), (1.0, 1.8), 0.07, (15, 34), 0.0, nucleus.TUMOUR, 7.5, (1, 2), 7.0, 0.35, 54, 28, 0.0)


@dataclass(frozen=True)
class _Outline:
    """One gland's basement membrane: an ellipse with bumps, in px."""

    shape: Array
    long: float
    short: float
    angle: float
    x: float
    y: float

    def polygon(self, inset: float = 0.0, shape: Array | float = 1.0) -> Array:
        """Return (STEPS, 2): the outline moved inwards by ``inset`` px, with further bumps."""
        axes = np.array([self.long - inset, self.short - inset])
        around = np.stack([np.cos(_TURN), np.sin(_TURN)], 1) * axes * (self.shape * shape)[:, None]
        return self.placed(around)

    def placed(self, points: Array) -> Array:
        """Turn and move points (N, 2) from the gland's own axes to the slide."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return points @ np.array([[cos, sin], [-sin, cos]]) + np.array([self.x, self.y])


class GlandPainter:
    """Paints glands into the two density maps of a slide."""

    def __init__(self, rng: np.random.Generator, px_per_um: float, nuclei: Nuclei, haematoxylin: Array, eosin: Array):
        self._rng, self._scale, self._nuclei = rng, px_per_um, nuclei
        self._h, self._e = haematoxylin, eosin

    def paint(self, kind: GlandKind, x: float, y: float, room_um: float) -> None:
        """Paint one gland around pixel x, y that is at most ``room_um`` in radius across its short side."""
        rng, scale = self._rng, self._scale
        radius = min(rng.uniform(*kind.radius_um), room_um) * scale
        stretch, angle = rng.uniform(*kind.elongation), rng.uniform(0, np.pi)
        bumps = [rng.normal(0, 1) / k**0.5 * np.cos(k * _TURN + rng.uniform(0, 6)) for k in range(2, 6)]
        gland = _Outline(1 + kind.wobble * np.sum(bumps, 0), radius * stretch**0.5, radius / stretch**0.5, angle, x, y)
        height = min(rng.uniform(*kind.height_um) * scale, 0.8 * gland.short)
        self._fill(gland.polygon(), int(rng.normal(kind.haematoxylin, 4)), int(rng.normal(kind.eosin, 5)))
        self._goblets(kind, gland, height)
        if gland.short - height >= 2 * scale:
            self._lumen(kind, gland, height)
            if rng.random() < kind.debris:
                self._debris(gland, height)
        self._rows_of_nuclei(kind, gland)

    def _fill(self, polygon: Array, haematoxylin: int, eosin: int) -> None:
        corners = np.rint(polygon * 2**_SUBPIXEL).astype(np.int32)
        for density, level in ((self._h, haematoxylin), (self._e, eosin)):
            cv2.fillPoly(density, [corners], level, cv2.LINE_AA, _SUBPIXEL)

    def _lumen(self, kind: GlandKind, gland: _Outline, height: float) -> None:
        rng = self._rng
        phase = _TURN * rng.integers(9, 15) / (2 * np.pi) + 0.3 * np.cos(_TURN * 2 + rng.uniform(0, 6))
        saw = 1 - kind.teeth * rng.uniform(0.6, 1.2) * np.abs((phase % 1) * 2 - 1)
        self._fill(gland.polygon(height, saw), haematoxylin=3, eosin=4)

    def _debris(self, gland: _Outline, height: float) -> None:
        """Dirty necrosis: what lies in the lumen of colorectal cancer and of little else."""
        rng = self._rng
        grains = int((0.42 * max(gland.short - height, 1.0) / self._scale) ** 2 / 9)
        spread = 0.51 * np.array([gland.long - height, gland.short - height])
        places = gland.placed(rng.normal(0, 0.5, (grains, 2)) * spread)
        for number, place in enumerate(np.rint(places).astype(int).tolist()):
            size = max(int(rng.uniform(1.2, 4.5) * self._scale), 1)
            cv2.circle(self._e, place, size, int(rng.integers(28, 72)), -1, cv2.LINE_AA)
            if number % 5 == 0:
                cv2.circle(self._h, place, max(size // 3, 1), int(rng.integers(60, 130)), -1, cv2.LINE_AA)

    def _goblets(self, kind: GlandKind, gland: _Outline, height: float) -> None:
        rng, scale = self._rng, self._scale
        count = int(2 * np.pi * (gland.short - 0.5 * height) / (10.5 * scale))
        axes = np.array([gland.long, gland.short]) - 0.60 * height
        for turn in np.linspace(0, 2 * np.pi, max(count, 1), endpoint=False) + rng.uniform(0, 1):
            if rng.random() > kind.goblets:
                continue
            ring = gland.shape[int(turn / (2 * np.pi) * STEPS) % STEPS]
            x, y = gland.placed(np.array([[np.cos(turn), np.sin(turn)]]) * axes * ring)[0]
            size = (int(rng.uniform(0.30, 0.40) * height), max(int(rng.uniform(3.6, 4.8) * scale), 1))
            pointing = float(np.degrees(np.arctan2(y - gland.y, x - gland.x)))
            for density, low, high in ((self._e, 8, 16), (self._h, 16, 26)):
                level = int(rng.integers(low, high))
                cv2.ellipse(density, (int(x), int(y)), size, pointing, 0, 360, level, -1, cv2.LINE_AA)

    def _rows_of_nuclei(self, kind: GlandKind, gland: _Outline) -> None:
        rng, scale = self._rng, self._scale
        for row in range(int(rng.integers(kind.rows[0], kind.rows[1] + 1))):
            inset = (0.62 * kind.nucleus.length_um + row * kind.row_step_um) * scale
            if gland.short - inset < 2 * scale:
                break
            path = gland.polygon(inset)
            closed = np.vstack([path, path[:1]])
            along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
            step = kind.nucleus_step_um * scale
            places = np.arange(rng.uniform(0, 3), along[-1], step)
            places += rng.normal(0, 0.12 * step, len(places))
            x, y = (np.interp(places % along[-1], along, closed[:, axis]) for axis in (0, 1))
            next_x, next_y = (np.interp((places + 2) % along[-1], along, closed[:, axis]) for axis in (0, 1))
            outward = np.arctan2(next_y - y, next_x - x) + np.pi / 2 + rng.normal(0, 0.15, len(x))
            x, y = x + rng.normal(0, 0.9 * scale, len(x)), y + rng.normal(0, 0.9 * scale, len(y))
            self._nuclei.stamp(self._h, self._e, kind.nucleus, x, y, outward % np.pi)
