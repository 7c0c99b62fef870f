"""From slides to feature files in one call, with the descriptor that needs no weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.encoders import DEFAULT_ENCODER, get_encoder
from pipelines.extract import extract_slides
from pipelines.tile import TileOptions, tile_slides

if TYPE_CHECKING:
    from pathlib import Path


def features_in(job: Path) -> Path:
    """Return the folder of feature files in a job folder."""
    return job / "features" / DEFAULT_ENCODER


def describe_tiles(slides: Path, job: Path) -> Path:
    """Tile and extract a folder of slides, but for what ``job`` holds already, and return the folder of feature files.

    Raises
    ------
    PartialError
        If a slide failed.
    """
    tile_slides(slides, job, TileOptions()).check()
    extract_slides(slides, job, get_encoder(DEFAULT_ENCODER)).check()
    return features_in(job)
