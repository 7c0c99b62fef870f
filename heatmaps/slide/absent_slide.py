"""A slide that is not at hand: its features say where its tiles lie, and no pixel is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import numpy as np

from pipelines.slides import Slide, UnreadableRegion

if TYPE_CHECKING:
    from pipelines.features import Features

GLASS, TISSUE = 255, 225
"""Grey of the ground that stands for a picture of the slide: beside the tiles, and where there are tiles."""


class AbsentSlide:
    """Has of a ``Slide`` what heatmaps need.

    Attributes
    ----------
    id, size, mpp
        As the feature file states them.
    mpp_origin : str
        "features", or "given" where the user had to say it.
    """

    def __init__(self, features: Features) -> None:
        self.mpp_origin = str(features.attrs.get("mpp_origin", "features"))
        self.id, self.size, self.mpp = features.slide_id, features.slide_size, features.mpp
        self._corners, self._side = features.coords.astype(np.float64), features.tile_px_level0

    def thumbnail(self, mpp: float) -> np.ndarray:
        """Return a plain ground, (H, W, 3) uint8: grey where there are tiles."""
        scale = self.mpp / mpp
        width, height = (max(1, round(side * scale)) for side in self.size)
        ground = np.full((height, width, 3), GLASS, np.uint8)
        low = np.floor(self._corners * scale).astype(int)
        high = np.ceil((self._corners + self._side) * scale).astype(int)
        for (left, top), (right, bottom) in zip(low.tolist(), high.tolist(), strict=True):
            ground[top:bottom, left:right] = TISSUE
        return ground

    def read_region(self, *_: object) -> NoReturn:
        """Raise ``UnreadableRegion``."""
        msg = f"the slide {self.id} is not at hand, only its features; name its file to see its pixels"
        raise UnreadableRegion(msg, "unreadable")


AnySlide = Slide | AbsentSlide
ORIGINS = {"file": "from the file", "given": "given by the user", "features": "from the feature file"}
"""Where the resolution is known from, in words."""
