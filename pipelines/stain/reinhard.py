"""Colour transfer of Reinhard et al. 2001 (Color transfer between images, IEEE CG&A 21(5)), from slide to slide.

Mean and standard deviation of the tissue's pixels in the decorrelated space l-alpha-beta are brought to those of a
reference. Both are taken once per slide, so that a pale tile stays pale beside a dark one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.stain.density import Affine, optical_density, rounded

if TYPE_CHECKING:
    from pathlib import Path

Vector = tuple[float, float, float]

RGB_TO_LMS = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
LOG_LMS_TO_LAB = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array([[1.0, 1.0, 1.0], [1.0, 1.0, -2.0], [1.0, -1.0, 0.0]])
"""The paper's matrices. The ways back are the exact inverses, not the paper's rounded ones, so that a
picture brought to its own look stays as it is."""
SMALLEST_SPREAD = (0.01, 0.001, 0.001)
"""Standard deviations below these (log10 units) are one flat colour: nothing to scale by."""
GLASS, TISSUE = 0.04, 0.10
"""Mean optical density (log10) up to which a pixel stays as it is, and from which it is wholly mapped. The map is made
for tissue and would paint the glass in the reference's colour of pale tissue."""
PARAMETERS = {"glass": GLASS, "tissue": TISSUE}

_LIGHT = (np.maximum(np.arange(256), 1) / 255.0).astype(np.float32)
_TO_LMS = RGB_TO_LMS.astype(np.float32)
_FROM_LMS = (255.0 * np.linalg.inv(RGB_TO_LMS)).astype(np.float32)
_SUM = np.ones((1, 3), np.float32)
_TISSUE = ((optical_density(np.arange(256)) - GLASS) / (TISSUE - GLASS) / 3).astype(np.float32)
_BRIGHTEST = np.float32(2.0)


@dataclass(frozen=True)
class Look:
    """Mean and standard deviation of the pixels in l-alpha-beta (log10)."""

    mean: Vector
    spread: Vector


# Found by `estimate` on the same picture as the reference of `pipelines.stain.macenko`.
REFERENCE = Look((-0.454151, -0.072551, 0.024592), (0.176519, 0.03296, 0.007224))


def estimate(pixels: np.ndarray, path: Path) -> Look:
    """Measure the look of these pixels.

    Parameters
    ----------
    pixels : (N, 3) uint8, as ``sample.stained`` leaves them.
    path : slide or picture that they are of, for the error.

    Raises
    ------
    InputError
        If they are all of one colour.
    """
    lab = to_lab(pixels)
    mean, spread = lab.mean(axis=0), lab.std(axis=0)
    if (spread < SMALLEST_SPREAD).any():
        msg = (
            f"{path}: its stain cannot be estimated, the tissue is one flat colour; leave the slide out or extract it "
            "without --stain-norm"
        )
        raise InputError(msg)
    return Look(rounded(mean), rounded(spread))


def to_lab(pixels: np.ndarray) -> np.ndarray:
    """Return (N, 3) uint8 RGB in l-alpha-beta, float64."""
    # einsum, not a BLAS product, whose last bits may depend on its number of threads
    lms = np.einsum("ni,ji->nj", np.maximum(pixels, 1) / 255.0, RGB_TO_LMS)
    return np.einsum("ni,ji->nj", np.log10(lms), LOG_LMS_TO_LAB)


@dataclass(frozen=True)
class Reinhard:
    """Gives tiles of one look another; pure and safe in threads.

    Attributes
    ----------
    affine : the whole way in log (base e) LMS: into l-alpha-beta, scaled and shifted, and back.
    """

    affine: Affine

    def __call__(self, tile: np.ndarray) -> np.ndarray:
        """Return the tile, (H, W, 3) uint8, in the look of the target; glass stays as it is."""
        lms = cv2.transform(cv2.LUT(tile, _LIGHT), _TO_LMS)
        cv2.log(lms, dst=lms)
        lms = cv2.transform(lms, np.array(self.affine, np.float32))
        np.minimum(lms, _BRIGHTEST, out=lms)
        cv2.exp(lms, dst=lms)
        mapped = cv2.transform(lms, _FROM_LMS)
        tissue = cv2.transform(cv2.LUT(tile, _TISSUE), _SUM)
        np.clip(tissue, 0.0, 1.0, out=tissue)
        mapped -= tile
        mapped *= tissue[..., None]
        return cv2.add(mapped, tile, dtype=cv2.CV_8U)


def between(source: Look, target: Look) -> Reinhard:
    """Return what takes tiles of a slide with the look ``source`` to ``target``."""
    scale = np.array(target.spread) / np.array(source.spread)
    back = np.linalg.inv(LOG_LMS_TO_LAB)
    matrix = back @ np.diag(scale) @ LOG_LMS_TO_LAB
    offset = back @ (np.array(target.mean) - scale * np.array(source.mean)) * np.log(10.0)
    return Reinhard(tuple((*map(float, row), float(shift)) for row, shift in zip(matrix, offset, strict=True)))
