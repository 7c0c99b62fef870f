"""Seeded variations of a tile, for further feature sets that only training sees."""

from __future__ import annotations

import hashlib
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from albumentations import Compose

VERSION = 1
"""Number of the way in which a tile's random choices are drawn; the pipeline describes itself."""

_own = threading.local()


@dataclass(frozen=True)
class Augmentation:
    """Varies tiles. What becomes of a tile follows from the seed, slide, place and set alone.

    Neither the order of tiles, nor the number of workers, nor a restart changes it.

    Attributes
    ----------
    sets : number of variations of each tile.
    seed : of all random choices.
    """

    sets: int
    seed: int

    def __call__(self, tile: np.ndarray, slide_id: str, x: int, y: int, number: int) -> np.ndarray:
        """Return variation ``number`` (from 1) of a (H, W, 3) uint8 tile whose corner is level-0 ``x, y``."""
        key = hashlib.sha256(f"{self.seed}\n{number}\n{x}\n{y}\n{slide_id}".encode()).digest()
        draw = int.from_bytes(key[:16], "big")
        pipeline = _pipeline_of_thread()
        # One stream for the whole pipeline. `set_random_seed` would start every transform from the same number, and
        # then the tiles with the strongest blur would also be those with the strongest jitter.
        pipeline.set_random_state(np.random.default_rng(draw), random.Random(draw))  # noqa: S311 - no secret
        return np.ascontiguousarray(pipeline(image=tile)["image"])

    def describe(self) -> dict[str, Any]:
        """Return all that the variations depend on, as JSON values."""
        from pipelines.stain.variations import describe_pipeline

        return {"version": VERSION, "seed": self.seed, **describe_pipeline()}


def _pipeline_of_thread() -> Compose:
    # A Compose keeps its random state between setting and calling, so threads must not share one.
    if not hasattr(_own, "pipeline"):
        from pipelines.stain.variations import make_pipeline

        _own.pipeline = make_pipeline()
    return _own.pipeline
