"""Macenko et al. 2009, A method for normalizing histology slides for quantitative analysis, ISBI.

Haematoxylin and eosin are the two edges of the fan that a slide's pixels form in optical density. Estimated once per
slide; applied, it is one 3 x 3 matrix in optical density.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import InputError
from pipelines.stain.density import Affine, map_density, optical_density, rounded

if TYPE_CHECKING:
    from pathlib import Path

Vector = tuple[float, float, float]

EDGE_PERCENT = 1.0
"""Share of pixels beyond each edge of the fan (the alpha of the paper)."""
HIGHEST_PERCENT = 99.0
"""Percentile of a stain's amounts that counts as its highest, robust against single dark pixels."""
NARROWEST_DEGREES = 8.0
"""A narrower fan is noise around one stain: two edges could be found, but they would mean nothing."""
PARAMETERS = {"edge_percent": EDGE_PERCENT, "highest_percent": HIGHEST_PERCENT}


@dataclass(frozen=True)
class Stain:
    """The look of a slide.

    Attributes
    ----------
    haematoxylin, eosin : unit vectors of optical density (red, green, blue).
    highest : 99th percentile of the amounts of haematoxylin and of eosin, in optical density (log10).
    """

    haematoxylin: Vector
    eosin: Vector
    highest: tuple[float, float]


# Found by `estimate` on the reference picture of the Kather laboratory (Ref.png of github.com/jnkather/MSIfromHE, MIT;
# sha256 9d4f10dc512f839a...), which is also why slides come out looking like those of the studies that used it.
REFERENCE = Stain((0.507866, 0.767166, 0.391827), (0.097175, 0.910179, 0.402655), (0.885363, 0.364768))


def estimate(pixels: np.ndarray, path: Path) -> Stain:
    """Find the stain of these pixels.

    Parameters
    ----------
    pixels : (N, 3) uint8, as ``sample.stained`` leaves them.
    path : slide or picture that they are of, for the error.

    Raises
    ------
    InputError
        If they show one stain only.
    """
    density = optical_density(pixels)
    # Plain sums by einsum: a BLAS would split them by its number of threads.
    _, axes = np.linalg.eigh(np.einsum("ni,nj->ij", density, density))
    plane = axes[:, [2, 1]] * np.sign(axes[:, 2].sum())
    along, across = np.einsum("ni,ij->jn", density, plane)
    angle = np.arctan2(across, along)
    low, high = np.percentile(angle, [EDGE_PERCENT, 100 - EDGE_PERCENT])
    if np.degrees(high - low) < NARROWEST_DEGREES:
        msg = (
            f"{path}: its stain cannot be estimated, all colours lie along one stain ({np.degrees(high - low):.1f} "
            f"degrees apart, {NARROWEST_DEGREES:g} needed); leave the slide out or extract it without --stain-norm"
        )
        raise InputError(msg)
    edges = [np.maximum(plane @ (np.cos(edge), np.sin(edge)), 0) for edge in (low, high)]
    haematoxylin, eosin = sorted((edge / np.linalg.norm(edge) for edge in edges), key=lambda edge: -edge[0])
    amounts = np.einsum("ni,ij->jn", density, np.linalg.pinv(np.stack([haematoxylin, eosin])))
    highest = np.percentile(amounts, HIGHEST_PERCENT, axis=1)
    return Stain(rounded(haematoxylin), rounded(eosin), rounded(highest))


@dataclass(frozen=True)
class Macenko:
    """Gives tiles of one stain the look of another; pure and safe in threads."""

    affine: Affine

    def __call__(self, tile: np.ndarray) -> np.ndarray:
        """Return the tile, (H, W, 3) uint8, in the look of the target."""
        return map_density(tile, self.affine)


def between(source: Stain, target: Stain) -> Macenko:
    """Return what takes tiles of a slide with the stain ``source`` to ``target``.

    Amounts are the least-squares solution in the source's stains, scaled by the quotient of the highest amounts, and
    laid on the target's stains: all of it linear in optical density.
    """
    amounts_of = np.linalg.pinv(np.array([source.haematoxylin, source.eosin]))
    scale = np.array(target.highest) / np.array(source.highest)
    matrix = (amounts_of * scale) @ np.array([target.haematoxylin, target.eosin])
    return Macenko(tuple((*(float(value) for value in matrix[:, channel]), 0.0) for channel in range(3)))
