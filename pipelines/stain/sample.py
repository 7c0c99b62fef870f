"""The pixels of a slide or picture by which its stain is judged: tissue in haematoxylin and eosin, nothing else."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from pipelines.errors import InputError
from pipelines.slides import UnreadableRegion
from pipelines.stain.density import optical_density

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.features import Tiles
    from pipelines.slides import Slide

SAMPLED_TILES = 64
PIXEL_STEP = 3
"""Every third row and column of a sampled tile: neighbours tell little new."""
DENSITY_FLOOR = 0.15
"""Length of the vector of optical density (log10) below which a pixel is glass; the beta of Macenko et al. 2009. Not
every channel has to reach it: pure eosin hardly absorbs red, and would be lost."""
DARKEST = 16
"""A channel below this value is ink, a fold or dust rather than stain; its density can't be told any more."""
GREEN_OVER_BLUE = 0.10
"""Haematoxylin and eosin both absorb green more than blue, by this share of the summed density; black, grey, brown,
red and green things do not."""
RED_OVER_GREEN = 0.3
"""Neither absorbs red much more than green, measured by how much green is over blue; blue and green pens, and tissue
seen through them, do."""
FEWEST_PIXELS = 1000
MOST_PICTURE_PIXELS = 2_000_000

PARAMETERS = {
    "tiles": SAMPLED_TILES,
    "pixel_step": PIXEL_STEP,
    "density_floor": DENSITY_FLOOR,
    "darkest": DARKEST,
    "green_over_blue": GREEN_OVER_BLUE,
    "red_over_green": RED_OVER_GREEN,
}


def stained(pixels: np.ndarray) -> np.ndarray:
    """Return the pixels that can be tissue in H&E: not glass, ink, pen, pigment or grey.

    Parameters
    ----------
    pixels : (N, 3) uint8.
    """
    density = optical_density(pixels)
    red, green, blue = density.T
    total = red + green + blue
    kept = (
        (np.einsum("ni,ni->n", density, density) >= DENSITY_FLOOR**2)
        & (pixels.min(axis=1) >= DARKEST)
        & (green - blue >= GREEN_OVER_BLUE * total)
        & (red - green <= RED_OVER_GREEN * (green - blue))
    )
    return pixels[kept]


def slide_pixels(slide: Slide, tiles: Tiles) -> np.ndarray:
    """Return stained pixels of some tiles of a slide; which ones follows from slide id and coordinates alone.

    Returns
    -------
    (N, 3) uint8, N at least ``FEWEST_PIXELS``.

    Raises
    ------
    InputError
        If no tile can be read, or nearly nothing in them is stained with haematoxylin and eosin.
    """
    side, px = float(tiles.attrs["tile_px_level0"]), int(tiles.attrs["tile_px"])
    parts: list[np.ndarray] = []
    # In the order of a hash, so that the choice is spread over the slide whatever the grid, and the next in line
    # takes the place of a tile that can't be read.
    for x, y in sorted(tiles.coords.tolist(), key=lambda corner: _rank(tiles.slide_id, *corner)):
        if len(parts) == SAMPLED_TILES:
            break
        try:
            tile = slide.read_region(x, y, side, side, (px, px))
        except UnreadableRegion:
            continue
        parts.append(tile[::PIXEL_STEP, ::PIXEL_STEP].reshape(-1, 3))
    if not parts:
        msg = f"{slide.path}: its stain cannot be estimated, none of its {len(tiles.coords)} tiles can be read"
        raise InputError(msg)
    return enough(np.concatenate(parts), slide.path)


def picture_pixels(path: Path) -> np.ndarray:
    """Return the stained pixels of a picture file (PNG, JPEG or TIFF); raises as ``slide_pixels``."""
    from PIL import Image

    try:
        with Image.open(path) as file:
            picture = np.asarray(file.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        msg = f"the stain reference {path} cannot be read as a picture (PNG, JPEG or TIFF): {error}"
        raise InputError(msg) from error
    step = int(np.ceil(np.sqrt(picture.shape[0] * picture.shape[1] / MOST_PICTURE_PIXELS)))
    return enough(picture[::step, ::step].reshape(-1, 3), path)


def enough(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Return the stained ones of these pixels; ``InputError`` if they are too few to say anything."""
    kept = stained(pixels)
    if len(kept) < FEWEST_PIXELS:
        msg = (
            f"{path}: its stain cannot be estimated, only {len(kept)} of {len(pixels)} sampled pixels look like "
            "haematoxylin and eosin; leave the slide out or extract it without --stain-norm"
        )
        raise InputError(msg)
    return kept


def _rank(slide_id: str, x: int, y: int) -> bytes:
    return hashlib.sha256(f"{slide_id}\n{x}\n{y}".encode()).digest()
