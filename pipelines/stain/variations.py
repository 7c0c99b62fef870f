"""The pipeline of albumentations that varies a tile; slow to load, so only imported where tiles are varied."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

# albumentations asks a server for its newest version when it is imported, unless told not to.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import albumentations as A
from skimage.color import hed_from_rgb, rgb_from_hed

from pipelines.stain.density import Affine, map_density

if TYPE_CHECKING:
    import numpy as np


class HedJitter(A.ImageOnlyTransform):
    """Scale and shift the amounts of haematoxylin, eosin and the rest, each by itself.

    The idea is that of Tellez et al. 2018 (Whole-slide mitosis detection in H&E breast histology using PHH3 as a
    reference to train distilled stain-invariant convolutional networks, IEEE TMI 37(9)); the stains are
    scikit-image's (Ruifrok and Johnston 2001).

    Parameters
    ----------
    scale : each stain's amount is multiplied by a number from 1 - scale to 1 + scale.
    shift : to each stain's amount a number from -shift to shift is added, in units of optical density (base e).
    p : share of the pictures that are changed.
    """

    def __init__(self, scale: float = 0.15, shift: float = 0.02, p: float = 1.0) -> None:
        super().__init__(p=p)
        self.scale = scale
        self.shift = shift

    def get_params(self) -> dict[str, Any]:
        """Draw the three factors and the three shifts of one picture."""
        factors = 1 + self.random_generator.uniform(-self.scale, self.scale, 3)
        return {"affine": hed_affine(factors, self.random_generator.uniform(-self.shift, self.shift, 3))}

    def apply(self, img: np.ndarray, affine: Affine, **params: Any) -> np.ndarray:
        """Return the (H, W, 3) uint8 picture with its stains changed."""
        return map_density(img, affine)


def hed_affine(factors: np.ndarray, shifts: np.ndarray) -> Affine:
    """Return what multiplying and shifting the amounts of the three stains does to optical density."""
    matrix = (hed_from_rgb * factors) @ rgb_from_hed
    offset = shifts @ rgb_from_hed
    return tuple((*(float(v) for v in matrix[:, channel]), float(offset[channel])) for channel in range(3))


def make_pipeline() -> A.Compose:
    """Return flips and turns, stain jitter, blur and JPEG artefacts, in the order in which they befall a slide."""
    return A.Compose(
        [
            A.D4(p=1.0),
            HedJitter(scale=0.15, shift=0.02, p=1.0),
            A.GaussianBlur(blur_limit=0, sigma_limit=(0.3, 1.0), p=0.3),
            A.ImageCompression(compression_type="jpeg", quality_range=(50, 95), p=0.5),
        ]
    )


def describe_pipeline() -> dict[str, Any]:
    """Return the pipeline with all its parameters and the version of albumentations, as JSON values."""
    description = A.to_dict(make_pipeline())
    # Through JSON, so that a description that was read back equals a fresh one: its pairs are tuples.
    pipeline = json.loads(json.dumps(description["transform"]))
    return {"albumentations": description["__version__"], "pipeline": pipeline}
