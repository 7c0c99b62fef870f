"""One slide on its way through the engine: claimed, opened, filled with vectors, written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.engine.reading import Block
from pipelines.errors import WsiSwarmError
from pipelines.features import NOMINAL, Features, describe, write_features
from pipelines.files import why_not_written
from pipelines.job import Outcome, count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.engine.recipe import Recipe
    from pipelines.features import Tiles
    from pipelines.job import Claim, Job
    from pipelines.preparation import PrepareTile
    from pipelines.slides import Slide, SlideEntry, UnreadableRegion


class SlideWork:
    """A claimed slide.

    Attributes
    ----------
    pending : vectors and tiles that are still to come.
    features : (variants, N, D) float16.
    """

    def __init__(self, recipe: Recipe, claim: Claim, slide: Slide, tiles: Tiles, prepare: PrepareTile) -> None:
        self.claim, self.slide, self.tiles = claim, slide, tiles
        self._recipe, self._prepare = recipe, prepare
        variants = len(recipe.preparation.variants)
        self.features = np.zeros((variants, len(tiles.coords), recipe.encoder.dim), np.float16)
        self.pending = variants * len(tiles.coords)
        self._dropped: dict[int, UnreadableRegion] = {}

    def blocks(self) -> Iterator[Block[SlideWork]]:
        """Yield what is to be read, in an order that depends on nothing but slide and tiles."""
        side, out_px = self.tiles.attrs["tile_px_level0"], self.tiles.attrs["tile_px"]
        for rows in self.slide.blocks(self.tiles.coords, side, out_px):
            size = len(rows) * len(self.features) * out_px * out_px * 3
            yield Block(self, self.slide, rows, self.tiles.coords[rows], side, out_px, self._prepare, size)

    def store(self, variant: int, row: int, vector: np.ndarray) -> None:
        """Take the vector of one tile."""
        with np.errstate(over="ignore"):  # checked for the whole slide when it is written
            self.features[variant, row] = vector
        self.pending -= 1

    def drop(self, row: int, region: UnreadableRegion) -> None:
        """Take note that a tile cannot be had."""
        self._dropped[row] = region
        self.pending -= len(self.features)

    def write(self, job: Job) -> Outcome:
        """Write all variants and say how the slide ended."""
        recipe, claim, tiles = self._recipe, self.claim, self.tiles
        self.slide.close()
        kept = np.ones(len(tiles.coords), bool)
        kept[list(self._dropped)] = False
        reasons = count([region.cause for region in self._dropped.values()])
        claim.details["dropped_tiles"] = [
            {"x": int(tiles.coords[row, 0]), "y": int(tiles.coords[row, 1]), "reason": str(region)}
            for row, region in sorted(self._dropped.items())
        ]
        if not kept.any():
            return claim.failed(f"{self.slide.path}: none of its {len(kept)} tiles can be read ({reasons})")
        if not all(np.isfinite(features[kept]).all() for features in self.features):
            return claim.failed(f"{self.slide.path}: {recipe.encoder.name} gives values that float16 cannot hold")
        dropped = {**tiles.attrs["dropped"], **reasons}
        attrs = describe(
            slide_size=self.slide.size,
            mpp=self.slide.mpp,
            requested_mpp=tiles.attrs["requested_mpp"],
            tile_px=tiles.attrs["tile_px"],
            overlap_px=tiles.attrs["overlap_px"],
            encoder=recipe.name,
            encoder_card_sha256=recipe.card_sha256,
            weights_sha256=recipe.encoder.weights_sha256,
            reader=self.slide.reader,
            dropped=dropped,
        )
        attrs |= {name: tiles.attrs[name] for name in NOMINAL if name in tiles.attrs}
        paths = recipe.outputs(job, claim.entry)
        for path, variant, features in zip(paths, recipe.preparation.variants, self.features, strict=True):
            whole = features if kept.all() else features[kept]  # a large slide's features are not copied for nothing
            content = Features(claim.entry.id, whole, tiles.coords[kept], {**attrs, **variant.attrs})
            try:
                write_features(path, content)
            except OSError as error:
                return claim.failed(why_not_written(path, error))
        return claim.done({"tiles": int(kept.sum()), "dropped": dropped})


def begin(recipe: Recipe, job: Job, entry: SlideEntry) -> SlideWork | Outcome:
    """Claim a slide and open it, or say why not."""
    claim = job.claim(entry, recipe.stage, recipe.parameters(job, entry), recipe.outputs(job, entry))
    if isinstance(claim, Outcome):
        return claim
    slide: Slide | None = None
    try:
        tiles = recipe.checked_tiles(job, entry)
        slide = recipe.open(entry, tiles)
        return SlideWork(recipe, claim, slide, tiles, recipe.preparation.for_slide(slide, tiles))
    except (WsiSwarmError, OSError) as error:
        if slide is not None:
            slide.close()
        return claim.failed(str(error))
