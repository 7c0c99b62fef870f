"""Smooth fields and fibres, made at low resolution and enlarged, because a slide has millions of pixels."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import fft

Array = np.ndarray


def smooth_field(rng: np.random.Generator, side: int, cells: float) -> Array:
    """Return a smooth random field (side, side), mean 0, standard deviation 1, about ``cells`` bumps a side."""
    coarse = rng.standard_normal((int(np.ceil(cells)) + 3,) * 2).astype(np.float32)
    field = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return (field - field.mean()) / (field.std() + 1e-6)


def enlarge(field: Array, side: int) -> Array:
    """Enlarge a low-resolution field to (side, side) with smooth interpolation."""
    return cv2.resize(field, (side, side), interpolation=cv2.INTER_LINEAR)


def wrapped_blur(noise: Array, sigma_x: float, sigma_y: float) -> Array:
    """Blur so that the result tiles without a seam, scaled to standard deviation 1."""
    height, width = noise.shape
    fall_x = np.exp(-2 * (np.pi * fft.rfftfreq(width) * sigma_x) ** 2)
    fall_y = np.exp(-2 * (np.pi * fft.fftfreq(height) * sigma_y) ** 2)
    spectrum = fft.rfft2(noise.astype(np.float32)) * (fall_y[:, None] * fall_x).astype(np.float32)
    blurred = fft.irfft2(spectrum, s=noise.shape)
    return blurred / (blurred.std() + 1e-9)


def grain(rng: np.random.Generator, side: int, coarse_px: float) -> Array:
    """Return uint8 grain (side, side) around 128: the fine and coarse structure of cytoplasm and collagen."""
    patch = min(512, 1 << max(side - 1, 63).bit_length())
    noise = rng.standard_normal((patch, patch)).astype(np.float32)
    both = 0.5 * wrapped_blur(noise, 1.0, 1.0) + 0.5 * wrapped_blur(noise.T, coarse_px, coarse_px)
    tile = np.clip(128 + 17 * both, 0, 255).astype(np.uint8)
    times = -(-side // patch)
    return np.tile(tile, (times, times))[:side, :side]


class Fibres:
    """Wavy fibres with a direction that changes slowly over the slide.

    Attributes
    ----------
    density : uint8 (side, side), 0 between fibres to 255 in the middle of one.
    """

    def __init__(self, rng: np.random.Generator, side: int, px_per_um: float, waviness: float, thickness_um: float):
        # Drawn at half the resolution: fibres are wider than two pixels, and the remap is the dearest step of a slide.
        full, side, px_per_um = side, -(-side // 2), px_per_um / 2
        low = 160
        self._low_per_px = low / full
        angle = rng.uniform(0, np.pi)
        span = np.linspace(0, side, low, dtype=np.float32)
        x, y = np.meshgrid(span, span)
        wave = (
            smooth_field(rng, low, 3) * side * 0.06 * waviness + smooth_field(rng, low, 14) * 7 * px_per_um * waviness
        )
        along = x * np.cos(angle) + y * np.sin(angle)
        across = -x * np.sin(angle) + y * np.cos(angle) + wave
        down, right = np.gradient(across)
        self._direction = np.arctan2(right, -down) % np.pi
        strip = min(1024, 1 << max(side - 1, 63).bit_length())
        noise = rng.standard_normal((strip, strip)).astype(np.float32)
        length, width = 13 * px_per_um, 0.35 * thickness_um * px_per_um
        mixed = wrapped_blur(noise, length, width) + 0.9 * wrapped_blur(noise[::-1], 1.5 * length, 5 * width)
        mixed += 0.5 * wrapped_blur(noise[:, ::-1], 3 * width, 3 * width)
        texture = np.clip(128 + 52 * mixed, 0, 255).astype(np.uint8)
        half = cv2.remap(
            texture,
            enlarge(along.astype(np.float32), side),
            enlarge(across.astype(np.float32), side),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
        self.density = enlarge(half, full)

    def direction(self, x: Array, y: Array) -> Array:
        """Return the angle (radians, 0 to pi) in which fibres run at pixels x, y, each of shape (N,)."""
        last = self._direction.shape[0] - 1
        column = np.clip((x * self._low_per_px).astype(int), 0, last)
        row = np.clip((y * self._low_per_px).astype(int), 0, last)
        return self._direction[row, column]
