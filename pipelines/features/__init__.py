"""Feature files and tile files: HDF5 that describes itself, a superset of TRIDENT's layout."""

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
from pipelines.features.tile_file import Tiles, read_tiles, write_tiles

__all__ = [
    "Features",
    "Tiles",
    "describe",
    "describe_tiles",
    "read_attrs",
    "read_features",
    "read_tiles",
    "write_attrs",
    "write_coords",
    "write_features",
    "write_tiles",
]
