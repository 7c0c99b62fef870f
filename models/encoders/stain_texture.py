"""A fixed, deterministic descriptor of stain and texture: no learned weights, nothing to download.

A tile is halved (2 x 2 mean), turned into optical density and split into haematoxylin and eosin with
scikit-image's colour deconvolution matrix (Ruifrok and Johnston 2001). Haematoxylin, eosin and optical density
are standardised within the tile, so gain and offset of the stain (scanner, staining protocol) drop out of
nearly all numbers; what remains is form: how fine, how blob-like, how sparse, how oriented the three are at
four scales, how they go together, and how nuclei crowd. Five numbers keep the absolute stain, at small weight.

Each number is scaled by a fixed analytic transform to order one; nothing is fitted to data.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.encoders.facts import CardFacts

if TYPE_CHECKING:
    from models.encoders.card import EncoderCard

VERSION = 1
"""Number of the algorithm; a change that alters any feature raises it, in code and card."""
CHANNELS = ("h", "e", "od")
HISTOGRAM_CENTRES = (-0.75, 0.25, 1.25)
LAGS_PX = (1, 3, 7)
WINDOW_OCTAVES = ((3, 4, 5), (2, 3, 4), (2, 3), (2,))
"""Per scale: windows of the structure tensor, as powers of two in pixels of that scale."""
CHUNK_TILES = 8
"""Tiles computed at once on a CPU: their planes (4.8 MB) stay in the cache, larger chunks are slower."""

_FLOOR = 0.02  # stain units; about a twentieth of ordinary tissue, so that noise on empty glass is not amplified


class StainTexture(CardFacts):
    """The descriptor as an encoder (`pipelines.encoder.Encoder`).

    Parameters
    ----------
    card : EncoderCard
        Card with source "descriptor".
    device : torch.device
        Where tiles are described.
    """

    def __init__(self, card: EncoderCard, device: torch.device) -> None:
        from skimage.color import hed_from_rgb  # heavy, and needed by this encoder alone

        self.device = device
        self._matrix = np.asarray(hed_from_rgb, dtype=np.float64).round(8)
        # The sum of four uint8 has 1021 values: a table gives the same bits on every device, a logarithm need not.
        density = -np.log((np.arange(1021) + 4.0) / 1024.0)
        self._density = torch.from_numpy(density.astype(np.float32)).to(device)
        identity = hashlib.sha256(
            f"stain-texture {VERSION}".encode() + self._matrix.tobytes() + density.astype("<f4").tobytes()
        ).hexdigest()
        super().__init__(card, identity)

    def transform(self, tiles: Tensor) -> Tensor:
        """Optical density at half resolution.

        Parameters
        ----------
        tiles : Tensor
            uint8 (B, H, W, 3), on the device.

        Returns
        -------
        Tensor
            float32 (B, 3, input_px / 2, input_px / 2), natural logarithm.
        """
        if tiles.shape[1:3] != (self.input_px, self.input_px):
            planes = tiles.permute(0, 3, 1, 2).float()
            size = (self.input_px, self.input_px)
            planes = functional.interpolate(planes, size, mode="bilinear", antialias=True, align_corners=False)
            tiles = planes.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
        planes = tiles.to(torch.int32).permute(0, 3, 1, 2)
        rows = planes[:, :, 0::2] + planes[:, :, 1::2]
        return self._density[(rows[..., 0::2] + rows[..., 1::2]).contiguous()]

    @torch.inference_mode()
    def __call__(self, density: Tensor) -> Tensor:
        """Describe tiles.

        Parameters
        ----------
        density : Tensor
            Result of `transform`, (B, 3, h, w).

        Returns
        -------
        Tensor
            float32 (B, dim), in the order of `feature_names`.
        """
        chunk = CHUNK_TILES if self.device.type == "cpu" else max(len(density), 1)
        parts = [self._describe(density[at : at + chunk]) for at in range(0, len(density), chunk)]
        return torch.cat(parts) if parts else density.new_empty((0, self.dim))

    def _describe(self, density: Tensor) -> Tensor:
        matrix = self._matrix
        red, green, blue = density.unbind(1)
        # Not clipped at zero, as scikit-image would: eosin goes negative in dark nuclei, and that is information.
        # The third stain, DAB, is absent from H&E.
        stains = [red * matrix[0, i] + green * matrix[1, i] + blue * matrix[2, i] for i in range(2)]
        absolute = torch.stack([*stains, (red + green + blue) * (1 / 3)], 1)
        level = _mean(absolute)
        relative = absolute - level[..., None, None]
        planes = relative * (1 / (_mean(relative * relative).sqrt() + _FLOOR))[..., None, None]
        scales = [planes]
        for _ in range(3):
            scales.append(_halve(scales[-1]))

        glass = _ramp(absolute[:, 2:], 0.25, 0.1)
        coarse_glass = _ramp(_halve(_halve(_halve(absolute[:, 2:]))), 0.25, 0.1)
        groups = [
            torch.log2((level.clamp_min(0) + 0.01) * 5) * 0.15,
            2 * _mean(glass) - 1,
            2 * _mean(coarse_glass) - 1,
            *[2 * _mean(_ramp(scales[1], at - 0.25, at + 0.25)) - 1 for at in HISTOGRAM_CENTRES],
            *[_band(plane) for plane in scales],
            *[_coherence(plane, octaves) for plane, octaves in zip(scales, WINDOW_OCTAVES, strict=True)],
            *[_autocorrelation(plane) for plane in scales[1:3]],
            _nuclei(scales),
        ]
        return torch.cat(groups, 1)


def feature_names() -> list[str]:
    """Name each number: quantity, scale in pixels of the tile, channel."""
    names = [f"level.{c}" for c in CHANNELS] + ["glass.fine", "glass.coarse"]
    names += [f"histogram.{at:g}.{c}" for at in HISTOGRAM_CENTRES for c in CHANNELS]
    for scale_px in (2, 4, 8, 16):
        names += [f"{what}.{scale_px}.{c}" for what in ("energy", "polarity", "spread") for c in CHANNELS]
        names.append(f"together.{scale_px}.h-e")
    for scale_px, octaves in zip((2, 4, 8, 16), WINDOW_OCTAVES, strict=True):
        names += [f"coherence.{scale_px}.window{scale_px << octave}.{c}" for octave in octaves for c in CHANNELS]
    names += [f"autocorrelation.{px * lag}.{c}" for px in (4, 8) for lag in LAGS_PX for c in CHANNELS]
    names += [f"nuclei.{what}" for what in ("area", "crowd8", "crowd16", "crowd32", "outline", "depth", "eosin")]
    return names


def _mean(x: Tensor) -> Tensor:
    """Mean over the last two axes, each plane summed by itself so that other tiles can't alter its bits."""
    return x.flatten(2).mean(-1)


def _halve(x: Tensor) -> Tensor:
    """2 x 2 mean; an odd last row or column is left out. Plain sums: a pooling kernel's order may vary."""
    height, width = x.shape[-2] // 2 * 2, x.shape[-1] // 2 * 2
    rows = x[..., 0:height:2, :] + x[..., 1:height:2, :]
    return (rows[..., 0:width:2] + rows[..., 1:width:2]) * 0.25


def _box(x: Tensor) -> Tensor:
    """3 x 3 mean where it fits: (..., h - 2, w - 2)."""
    rows = x[..., :-2, :] + x[..., 1:-1, :] + x[..., 2:, :]
    return (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) * (1 / 9)


def _ramp(x: Tensor, zero_at: float, one_at: float) -> Tensor:
    """Soft threshold from 0 to 1."""
    return ((x - zero_at) * (1 / (one_at - zero_at))).clamp(0, 1)


def _band(plane: Tensor) -> Tensor:
    """Detail finer than 3 pixels: its energy, dark-or-pale polarity, spread, and whether H and E share it."""
    detail = plane[..., 1:-1, 1:-1] - _box(plane)
    magnitude, energy = _mean(detail.abs()), _mean(detail * detail)
    positive = detail.clamp_min(0)
    contrast = (_mean(plane * plane) - _mean(plane) ** 2).clamp_min(0).sqrt()
    together = _mean(detail[:, :1] * detail[:, 1:2]) / ((energy[:, :1] * energy[:, 1:2]).sqrt() + 1e-4)
    return torch.cat(
        [
            torch.log2((magnitude + 0.01) / (contrast + 0.05)) + 1,
            4 * (_mean(positive * positive) + 1e-5) / (energy + 2e-5) - 2,
            4 * (magnitude * magnitude + 1e-5) / (energy + 1.5e-5) - 2,
            2 * together,
        ],
        1,
    )


def _coherence(plane: Tensor, octaves: tuple[int, ...]) -> Tensor:
    """How parallel the edges run within windows (structure tensor; Bigun and Granlund 1987)."""
    along = plane[..., :-1, 1:] - plane[..., 1:, :-1]
    across = plane[..., :-1, :-1] - plane[..., 1:, 1:]
    tensor = torch.cat([along * along, across * across, along * across], 1)
    values = []
    for octave in range(1, max(octaves) + 1):
        tensor = _halve(tensor)
        if octave in octaves:
            xx, yy, xy = tensor.chunk(3, 1)
            difference = xx - yy
            oriented = (difference * difference + 4 * xy * xy).sqrt()
            values.append(4 * _mean(oriented) / (_mean(xx + yy) + 1e-3) - 1.5)
    return torch.cat(values, 1)


def _autocorrelation(plane: Tensor) -> Tensor:
    """Correlation with itself, shifted along either axis."""
    centred = plane - _mean(plane)[..., None, None]
    power = _mean(centred * centred) + 1e-2
    return torch.cat(
        [
            (_mean(centred[..., lag:] * centred[..., :-lag]) + _mean(centred[..., lag:, :] * centred[..., :-lag, :]))
            / power
            for lag in LAGS_PX
        ],
        1,
    )


def _nuclei(scales: list[Tensor]) -> Tensor:
    """Spots darker in haematoxylin than their surroundings: area, crowding, outline, depth, eosin on them."""
    surroundings = scales[2][:, :1].repeat_interleave(4, -1).repeat_interleave(4, -2)[..., 1:-1, 1:-1]
    haematoxylin, eosin = (scales[0][:, i : i + 1] for i in range(2))
    spots = _ramp(_box(haematoxylin) - surroundings, 0.2, 0.8)
    area = _mean(spots)
    per_area = 1 / (area + 0.02)
    crowds, map_ = [], _halve(spots)
    for _ in range(3):
        map_ = _halve(map_)
        apart = map_ - _mean(map_)[..., None, None]
        crowds.append(2 * _mean(apart * apart).sqrt() * per_area - 1)
    outline = _mean((spots[..., 1:] - spots[..., :-1]).abs()) + _mean((spots[..., 1:, :] - spots[..., :-1, :]).abs())
    on_spots = [_mean(spots * plane[..., 1:-1, 1:-1]) * per_area for plane in (haematoxylin, eosin)]
    return torch.cat([8 * area - 1, *crowds, 3 * outline * per_area - 5, 2 * on_spots[0] - 2, 2 * on_spots[1]], 1)
