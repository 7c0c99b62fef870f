"""Feature files and tile files: HDF5 that describes itself, and the layouts of TRIDENT, STAMP, CLAM and AtlasPatch."""

from pipelines.features.content import NOMINAL, Given
from pipelines.features.feature_file import (
    Features,
    describe,
    describe_tiles,
    read_attrs,
    read_features,
    write_attrs,
    write_coords,
    write_features,
)
from pipelines.features.read_any import describe_any, in_float16, read_any, read_any_tiles, read_on_slide
from pipelines.features.tile_file import Tiles, read_tiles, write_tiles

__all__ = [
    "NOMINAL",
    "Features",
    "Given",
    "Tiles",
    "describe",
    "describe_any",
    "describe_tiles",
    "in_float16",
    "read_any",
    "read_any_tiles",
    "read_attrs",
    "read_features",
    "read_on_slide",
    "read_tiles",
    "write_attrs",
    "write_coords",
    "write_features",
    "write_tiles",
]
