"""TIAToolbox: a small picture of the whole slide in which black is transparent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.drawing import render
from heatmaps.exports.layer import layer, layer_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heatmaps.slide.explained import ExplainedSlide


def export(explained: ExplainedSlide, index: int, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield one PNG; its name holds the slide's, by which TIAToolbox finds the slide that it belongs to."""
    rgba = layer(explained, index, layer_size(explained))
    # The layer's colour is black wherever it is transparent, and neither colour map has black.
    yield f"tiatoolbox-{name}-{explained.slide.id}.png", render.encode_png(rgba[..., :3].copy())
