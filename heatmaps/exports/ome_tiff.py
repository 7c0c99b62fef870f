"""OME-TIFF: the numbers themselves, one pixel per tile step, for QuPath, OMERO, Fiji and napari."""

from __future__ import annotations

import io
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from heatmaps.drawing import raster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heatmaps.slide.explained import ExplainedSlide

_TILE_SIDE = 128
_NAMESPACE = uuid.UUID("5b0c8bb7-1a55-4ef4-8f9e-0f6a1a1f9d3e")


def export(explained: ExplainedSlide, index: int, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield ``heatmap-<name>.ome.tif``: one float32 channel per measure of the score table, NaN where no tile lies.

    Smaller levels lie in SubIFDs and take every second value: no number is there that the table doesn't have, but the
    mean of overlapping tiles.
    """
    one, grid = explained.scores[index], explained.grid
    tiles = explained.features
    placement = raster.place_on_grid(tiles.coords, tiles.tile_px_level0, grid)
    channels = np.stack([raster.average(measure.values, placement, grid.size) for measure in one.measures])
    levels = [channels.astype(np.float32)]
    while max(levels[-1].shape[1:]) > _TILE_SIDE:
        levels.append(levels[-1][:, ::2, ::2])
    metadata = _metadata(explained, index, name)
    data = io.BytesIO()
    # No date and no random id: the same heatmap gives the same bytes.
    with tifffile.TiffWriter(data, ome=True) as file:
        for number, level in enumerate(levels):
            extra: dict[str, Any] = {"subfiletype": 1} if number else {"subifds": len(levels) - 1, "metadata": metadata}
            file.write(
                np.ascontiguousarray(level),
                photometric="minisblack",
                tile=(_TILE_SIDE, _TILE_SIDE),
                compression="zlib",
                software=False,
                **extra,
            )
    yield f"heatmap-{name}.ome.tif", data.getvalue()


def _metadata(explained: ExplainedSlide, index: int, name: str) -> dict[str, Any]:
    one, grid, mpp = explained.scores[index], explained.grid, explained.slide.mpp
    count = len(one.measures)
    return {
        "axes": "CYX",
        "Name": f"{one.label}: {explained.method.title}",
        "Description": (
            f"wsi-swarm heatmap of model {explained.model.sha256}; one pixel per tile step, NaN where no tile lies. "
            "Research use only."
        ),
        "PhysicalSizeX": grid.step * mpp,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": grid.step * mpp,
        "PhysicalSizeYUnit": "µm",
        "Channel": {"Name": [f"{one.label} {measure.words}" for measure in one.measures]},
        # Tiles of other software may begin anywhere: the grid's corner, from the slide's upper left one.
        "Plane": {
            "PositionX": [grid.origin[0] * mpp] * count,
            "PositionXUnit": ["µm"] * count,
            "PositionY": [grid.origin[1] * mpp] * count,
            "PositionYUnit": ["µm"] * count,
        },
        "UUID": f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{explained.key}/{name}')}",
    }
