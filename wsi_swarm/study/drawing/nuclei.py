"""Nuclei: small hand-made pictures of haematoxylin density, stamped where a cell lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = np.ndarray
ANGLES = 12
VARIANTS = 8
NUCLEAR_EOSIN = 0.32
"""Eosin in a nucleus as a share of its haematoxylin: nuclei over empty glass are purple, not blue."""


@dataclass(frozen=True)
class NucleusKind:
    """How nuclei of one cell type look; lengths in um, densities in 1/100 of optical density."""

    length_um: float
    width_um: float
    size_spread: float
    density: float
    rim: float
    chromatin: float
    nucleoli: int
    wobble: float


LYMPHOCYTE = NucleusKind(6.4, 5.9, 0.07, 142, 10, 24, 0, 0.05)
PLASMA_CELL = NucleusKind(7.2, 6.2, 0.08, 112, 22, 36, 0, 0.05)
CRYPT = NucleusKind(8.6, 4.8, 0.10, 100, 14, 18, 0, 0.06)
TUMOUR = NucleusKind(12.0, 5.6, 0.16, 88, 24, 28, 1, 0.09)
SERRATED = NucleusKind(9.0, 6.2, 0.12, 84, 22, 22, 1, 0.07)
SOLID = NucleusKind(11.5, 9.0, 0.24, 62, 38, 28, 2, 0.12)
FIBROBLAST = NucleusKind(13.5, 2.9, 0.22, 88, 8, 16, 0, 0.12)
MUSCLE_CELL = NucleusKind(18.0, 2.6, 0.15, 72, 6, 10, 0, 0.05)
KINDS = (LYMPHOCYTE, PLASMA_CELL, CRYPT, TUMOUR, SERRATED, SOLID, FIBROBLAST, MUSCLE_CELL)


class Nuclei:
    """Pictures of all kinds of nuclei at one resolution, in several variants and directions."""

    def __init__(self, rng: np.random.Generator, px_per_um: float):
        self._rng = rng
        self._sprites = {kind: _sprites(rng, kind, px_per_um) for kind in KINDS}
        self._halo = _halo(px_per_um)

    def stamp(
        self, haematoxylin: Array, eosin: Array, kind: NucleusKind, x: Array, y: Array, angle: Array | None = None
    ) -> None:
        """Put nuclei of one kind at pixels x, y (N,), turned by ``angle`` (N,) radians or at random.

        Nuclei whose picture would reach beyond the slide are left out.
        """
        sprites = self._sprites[kind]
        count = len(x)
        turns = self._rng.uniform(0, np.pi, count) if angle is None else np.asarray(angle)
        column = np.rint(turns / np.pi * ANGLES).astype(int) % ANGLES
        variant = self._rng.integers(VARIANTS, size=count)
        chosen = [sprites[v][a] for v, a in zip(variant, column, strict=True)]
        for stain, density in enumerate((haematoxylin, eosin)):
            for sprite, left, top in self._inside(density, [pair[stain] for pair in chosen], x, y):
                spot = density[top : top + sprite.shape[0], left : left + sprite.shape[1]]
                np.maximum(spot, sprite, out=spot)

    def stamp_in_epithelium(self, haematoxylin: Array, eosin: Array, x: Array, y: Array) -> None:
        """Put lymphocytes between epithelial cells at pixels x, y (N,): dark and round, in a clear halo."""
        for dens in (haematoxylin, eosin):
            for halo, left, top in self._inside(dens, [self._halo] * len(x), x, y):
                spot = dens[top : top + halo.shape[0], left : left + halo.shape[1]]
                np.minimum(spot, halo, out=spot)
        self.stamp(haematoxylin, eosin, LYMPHOCYTE, x, y)

    @staticmethod
    def _inside(canvas: Array, sprites: list[Array], x: Array, y: Array) -> Iterator[tuple[Array, int, int]]:
        height, width = canvas.shape
        for sprite, centre_x, centre_y in zip(sprites, x.tolist(), y.tolist(), strict=True):
            left, top = int(centre_x) - sprite.shape[1] // 2, int(centre_y) - sprite.shape[0] // 2
            if left >= 0 and top >= 0 and left + sprite.shape[1] <= width and top + sprite.shape[0] <= height:
                yield sprite, left, top


def _sprites(rng: np.random.Generator, kind: NucleusKind, px_per_um: float) -> list[list[tuple[Array, Array]]]:
    return [
        [_sprite(rng, kind, size, px_per_um, np.pi * turn / ANGLES) for turn in range(ANGLES)]
        for size in np.clip(rng.lognormal(0, kind.size_spread, VARIANTS), 0.6, 1.7)
    ]


def _sprite(
    rng: np.random.Generator, kind: NucleusKind, size: float, px_per_um: float, angle: float
) -> tuple[Array, Array]:
    long = max(0.5 * kind.length_um * size * px_per_um, 1.0)
    short = max(0.5 * kind.width_um * size * px_per_um * rng.uniform(0.9, 1.1), 0.8)
    reach = int(np.ceil(long * 1.25 + 1.5))
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    u = (dx * np.cos(angle) + dy * np.sin(angle)) / long
    v = (-dx * np.sin(angle) + dy * np.cos(angle)) / short
    theta = np.arctan2(v, u)
    edge = 1 + kind.wobble * (np.cos(2 * theta + rng.uniform(0, 6)) + 0.7 * np.cos(3 * theta + rng.uniform(0, 6)))
    radius = np.hypot(u, v) / edge
    softness = 0.9 / short
    body = 1 / (1 + np.exp(np.clip((radius - 1) / softness * 2.2, -30, 30)))
    rim = np.exp(-(((radius - 0.88) / 0.16) ** 2))
    speckle = cv2.GaussianBlur(rng.standard_normal(dx.shape).astype(np.float32), (0, 0), 0.6 * px_per_um)
    speckle /= speckle.std() + 1e-6
    density = kind.density + kind.rim * rim + kind.chromatin * speckle * 0.6
    for _ in range(kind.nucleoli):
        spot_u, spot_v = rng.uniform(-0.4, 0.4, 2)
        density += 60 * np.exp(-(((u - spot_u) * long) ** 2 + ((v - spot_v) * short) ** 2) / (0.75 * px_per_um) ** 2)
    density = np.clip(density * body, 0, 255)
    return density.astype(np.uint8), (NUCLEAR_EOSIN * density).astype(np.uint8)


def _halo(px_per_um: float) -> Array:
    reach = int(np.ceil(6.0 * px_per_um))
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    radius_um = np.hypot(dx, dy) / px_per_um
    return np.clip(22 + 255 / (1 + np.exp(-(radius_um - 4.9) * 3.0)), 0, 255).astype(np.uint8)
