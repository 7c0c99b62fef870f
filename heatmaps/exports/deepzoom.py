"""Deep Zoom: a transparent layer for OpenSeadragon and whatever else opens .dzi."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.drawing import render
from heatmaps.exports.layer import layer, layer_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heatmaps.slide.explained import ExplainedSlide

TILE_SIDE = 256


def export(explained: ExplainedSlide, index: int, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield ``deepzoom-<name>.dzi`` and ``deepzoom-<name>_files/<level>/<column>_<row>.png``.

    Every level is drawn from the numbers, not shrunk from the level above, so that no colour is a mixture of colours.
    """
    width, height = layer_size(explained)
    yield f"deepzoom-{name}.dzi", _description(width, height).encode()
    # By the format's rule the last level is the picture itself, and each before it half as large.
    top = (max(width, height) - 1).bit_length()
    for level in range(top, -1, -1):
        half = 2 ** (top - level)
        picture = layer(explained, index, (-(-width // half), -(-height // half)))
        for row in range(0, picture.shape[0], TILE_SIDE):
            for column in range(0, picture.shape[1], TILE_SIDE):
                tile = picture[row : row + TILE_SIDE, column : column + TILE_SIDE]
                path = f"deepzoom-{name}_files/{level}/{column // TILE_SIDE}_{row // TILE_SIDE}.png"
                yield path, render.encode_png(tile)


def _description(width: int, height: int) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="png" Overlap="0" TileSize="{TILE_SIDE}">'
        f'<Size Width="{width}" Height="{height}"/></Image>\n'
    )
