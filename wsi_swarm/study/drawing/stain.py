"""Staining and scanning: densities to colours by the law of Beer and Lambert, with each centre's own dyes and scanner.

Colour carries the centre, never the label: every slide is brought to a mean density of haematoxylin and of eosin that
is drawn without looking at the label, as a laboratory differentiates its slides to its own look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from wsi_swarm.study.drawing.texture import Array

HAEMATOXYLIN = (0.61, 0.71, 0.35)
EOSIN = (0.17, 0.89, 0.42)
"""Optical density of red, green, blue by unit of stain, near what Macenko's method finds on clinical slides."""


@dataclass(frozen=True)
class StainStyle:
    """Colour of one slide.

    Attributes
    ----------
    haematoxylin, eosin : unit vectors of optical density (red, green, blue).
    mean_haematoxylin, mean_eosin : mean density over the tissue.
    white : the scanner's white point, 0 to 255 by channel.
    blur_px : standard deviation of the scanner's blur.
    jpeg_quality : 0 to 100.
    """

    haematoxylin: tuple[float, float, float]
    eosin: tuple[float, float, float]
    mean_haematoxylin: float
    mean_eosin: float
    white: tuple[float, float, float]
    blur_px: float
    jpeg_quality: int


def style_of(centre: str, seed: int, cohort_seed: int) -> StainStyle:
    """Draw a slide's style: the centre's own, with the variation from slide to slide."""
    house = np.random.default_rng([cohort_seed, 1, *centre.encode()])
    slide = np.random.default_rng([seed, 2])
    haematoxylin = _vary(slide, _vary(house, np.array(HAEMATOXYLIN), 0.07), 0.015)
    eosin = _vary(slide, _vary(house, np.array(EOSIN), 0.08), 0.015)
    return StainStyle(
        haematoxylin=tuple(haematoxylin.tolist()),
        eosin=tuple(eosin.tolist()),
        mean_haematoxylin=float(house.uniform(0.25, 0.36) * slide.lognormal(0, 0.10)),
        mean_eosin=float(house.uniform(0.28, 0.42) * slide.lognormal(0, 0.10)),
        white=tuple((house.uniform(238, 250, 3) + slide.uniform(-2, 2, 3)).tolist()),
        blur_px=float(house.uniform(0.55, 0.9) + slide.uniform(-0.08, 0.08)),
        jpeg_quality=int(house.choice([80, 85, 90])),
    )


def stained(haematoxylin: Array, eosin: Array, tissue: Array, style: StainStyle, rng: np.random.Generator) -> Array:
    """Turn densities (uint8, 1/100) into a scanned picture, uint8 (height, width, 3) RGB.

    Notes
    -----
    Intensity = white * 10 ** -(h * H + e * E) by channel (Beer-Lambert), with h and e scaled so that their means over
    the tissue are those of the style.
    """
    if not tissue.any():
        msg = "a slide without tissue cannot be stained"
        raise ValueError(msg)
    concentration = [
        wanted / max(float(cv2.mean(density, tissue.astype(np.uint8))[0]) / 100, 1e-3)
        for density, wanted in ((haematoxylin, style.mean_haematoxylin), (eosin, style.mean_eosin))
    ]
    levels = np.arange(256) / 100
    channels = []
    for channel in range(3):
        through = [
            np.rint(255 * 10 ** -(levels * amount * vector[channel])).astype(np.uint8)
            for amount, vector in zip(concentration, (style.haematoxylin, style.eosin), strict=True)
        ]
        light = cv2.multiply(
            cv2.LUT(haematoxylin, through[0]), cv2.LUT(eosin, through[1]), scale=style.white[channel] / 255**2
        )
        channels.append(light)
    picture = cv2.GaussianBlur(cv2.merge(channels), (0, 0), style.blur_px)
    noise = rng.integers(-2, 3, (512, 512, 1), dtype=np.int8).astype(np.int16)
    times = (-(-picture.shape[0] // 512), -(-picture.shape[1] // 512), 1)
    noise = np.tile(noise, times)[: picture.shape[0], : picture.shape[1]]
    brighter, darker = np.clip(noise, 0, None).astype(np.uint8), np.clip(-noise, 0, None).astype(np.uint8)
    return cv2.subtract(cv2.add(picture, np.repeat(brighter, 3, 2)), np.repeat(darker, 3, 2))


def _vary(rng: np.random.Generator, vector: Array, spread: float) -> Array:
    varied = np.clip(vector + rng.normal(0, spread, 3), 0.02, None)
    return varied / np.linalg.norm(varied)
