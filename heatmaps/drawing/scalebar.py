"""Lengths that a person can read: the round number whose bar fits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScaleBar:
    """A bar of ``length_um`` micrometres, ``length_px`` raster pixels, and its text."""

    length_um: float
    length_px: float
    text: str


def scale_bar(um_per_px: float, raster_width: int) -> ScaleBar:
    """Return the longest bar of 1, 2 or 5 times a power of ten that is at most a fifth of the raster's width.

    Parameters
    ----------
    um_per_px : float
        Micrometres per raster pixel, greater than 0.
    raster_width : int
        Raster pixels.
    """
    longest_um = um_per_px * raster_width / 5
    power = 1.0
    while power * 10 <= longest_um:
        power *= 10
    while power > longest_um:
        power /= 10
    length_um = max(factor * power for factor in (1, 2, 5) if factor * power <= longest_um)
    text = f"{length_um / 1000:g} mm" if length_um >= 1000 else f"{length_um:g} µm"
    return ScaleBar(length_um, length_um / um_per_px, text)
