"""Stage one: find the tissue of each slide and choose its tiles."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import ConfigError, InputError, WsiSwarmError
from pipelines.features import Tiles, describe_tiles, write_tiles
from pipelines.files import write_bytes
from pipelines.geojson import slide_features, write_geojson
from pipelines.grid import covered_fraction, make_grid
from pipelines.job import Claim, Job, Outcome, Summary, fingerprint
from pipelines.progress import progress
from pipelines.slides import PLAUSIBLE_MPP, Slide, SlideEntry, list_slides, open_slide
from pipelines.tissue.find import OVERVIEW_MPP, find_tissue
from pipelines.tissue.outline import outline
from pipelines.tissue.preview import LONG_SIDE_PX, draw_preview, encode_jpeg

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STAGE = "tile"
ENLARGEMENT_LIMIT = 1.25
"""A slide may be this much coarser than the mpp asked for; beyond, tiles would be invented detail."""


@dataclass(frozen=True)
class TileOptions:
    """How slides are tiled.

    Attributes
    ----------
    mpp : µm per tile px.
    tile_px : side of a tile in tile px.
    overlap_px : overlap of neighbours in tile px.
    min_tissue : smallest fraction of a tile's area that is tissue. Half keeps the tissue's rim and
        leaves no tile that is mostly glass.
    """

    mpp: float = 0.5
    tile_px: int = 224
    overlap_px: int = 0
    min_tissue: float = 0.5

    def __post_init__(self) -> None:
        """Refuse options that no slide can satisfy."""
        if not PLAUSIBLE_MPP[0] <= self.mpp <= PLAUSIBLE_MPP[1]:
            msg = f"--mpp {self.mpp:g} is outside {PLAUSIBLE_MPP[0]:g}-{PLAUSIBLE_MPP[1]:g} µm per pixel"
            raise ConfigError(msg)
        if not 0 < self.min_tissue <= 1:
            msg = f"--min-tissue {self.min_tissue:g} must be above 0 and at most 1"
            raise ConfigError(msg)
        make_grid((1, 1), self.mpp, self.mpp, self.tile_px, self.overlap_px)


def tile_slides(
    source: Path,
    out: Path,
    options: TileOptions = TileOptions(),
    slide_mpp: float | None = None,
    clock: Callable[[], float] = time.time,
) -> Summary:
    """Tile every slide of a file, folder or table into a job folder; a bad slide does not stop the others.

    Parameters
    ----------
    source : slide file, folder or table.
    out : job folder.
    options : scale, size, overlap, tissue threshold.
    slide_mpp : µm per level-0 px for slides that do not say it; a table's mpp column goes before it. A slide that
        says another mpp than the one stated for it alone is refused.
    clock : seconds since the epoch.

    Raises
    ------
    InputError
        If there is no slide, or two have one name. Failures of single slides are in the summary.
    """
    entries = list_slides(source)
    started = clock()
    outcomes: list[Outcome] = []
    with Job(out, clock) as job, progress(len(entries), "tile", "slide") as bar:
        for entry in entries:
            stated_for_it = entry.mpp is not None or len(entries) == 1
            outcomes.append(_tile_one(job, entry, options, entry.mpp or slide_mpp, stated_for_it))
            bar.update()
    summary = Summary(STAGE, job.folder, started, clock(), tuple(outcomes))
    summary.write()
    return summary


def _tile_one(
    job: Job, entry: SlideEntry, options: TileOptions, slide_mpp: float | None, stated_for_it: bool
) -> Outcome:
    outputs = [job.tiles_file(entry.id), job.geojson_file(entry.id), job.thumbnail_file(entry.id)]
    given = _given_mpp(job.stage(entry.id, STAGE), slide_mpp)
    parameters = {**asdict(options), "slide_mpp": given, "slide": fingerprint(entry.path)}
    claim = job.claim(entry, STAGE, parameters, outputs)
    if isinstance(claim, Outcome):
        return claim
    try:
        with open_slide(entry.path, slide_mpp, only_if_missing=not stated_for_it) as slide:
            claim.parameters["slide_mpp"] = slide.mpp if slide.mpp_origin == "given" else None
            return _tile_slide(job, claim, slide, options)
    except (WsiSwarmError, OSError) as error:
        return claim.failed(str(error))


def _given_mpp(recorded: dict[str, Any], slide_mpp: float | None) -> float | None:
    # A run that is repeated with --slide-mpp for the slides that were refused must not redo those that did not need
    # it, and one that is repeated without it must not redo those that did.
    if recorded.get("status") != "done":
        return slide_mpp
    used = recorded["parameters"]["slide_mpp"]
    return None if used is None else slide_mpp or used


def _tile_slide(job: Job, claim: Claim, slide: Slide, options: TileOptions) -> Outcome:
    if slide.mpp > options.mpp * ENLARGEMENT_LIMIT:
        msg = f"{slide.path} has {slide.mpp:g} µm per pixel, too coarse for --mpp {options.mpp:g}; ask for a larger mpp"
        raise InputError(msg)
    grid = make_grid(slide.size, slide.mpp, options.mpp, options.tile_px, options.overlap_px)
    if not len(grid.coords):
        msg = f"{slide.path} is smaller ({slide.size[0]} x {slide.size[1]} px) than one tile; use a smaller --tile-px"
        raise InputError(msg)
    overview = slide.overview(OVERVIEW_MPP)
    tissue = find_tissue(overview.image, overview.mpp)
    if not overview.readable.any():
        msg = f"{slide.path} opens, but no part of it can be decoded; copy or export it again"
        raise InputError(msg)
    # What the low-resolution level cannot show stays a candidate; reading the tile itself decides.
    fraction = covered_fraction(tissue | ~overview.readable, grid, slide.size)
    coords = grid.coords[fraction >= options.min_tissue]
    if not len(coords):
        msg = _nothing_kept(slide, bool(tissue.any()), options)
        raise InputError(msg)
    counts: dict[str, Any] = {"tiles": len(coords), "dropped": {"background": len(grid.coords) - len(coords)}}
    attrs = {
        **describe_tiles(slide.size, slide.mpp, options.mpp, options.tile_px, options.overlap_px),
        "mpp_origin": slide.mpp_origin,
        "reader": slide.reader,
        "dropped": counts["dropped"],
    }
    polygons = outline(tissue, slide.size)
    preview = slide.thumbnail(max(slide.size) * slide.mpp / LONG_SIDE_PX)
    drawn = draw_preview(preview, slide.size, polygons, coords, grid.tile_px_level0)
    write_bytes(job.thumbnail_file(slide.id), encode_jpeg(drawn))
    write_geojson(job.geojson_file(slide.id), slide_features(slide.id, polygons, coords, grid.tile_px_level0))
    write_tiles(job.tiles_file(slide.id), Tiles(slide.id, coords.astype(np.int32), attrs))
    return claim.done({**counts, "tissue_mm2": round(float(tissue.sum()) * overview.mpp**2 / 1e6, 3)})


def _nothing_kept(slide: Slide, has_tissue: bool, options: TileOptions) -> str:
    if not has_tissue:
        return f"{slide.path}: no tissue found; look at the slide: it may be empty, unstained or a mask"
    return (
        f"{slide.path}: no tile of {options.tile_px * options.mpp:g} µm is at least {options.min_tissue:.0%} tissue; "
        "use a smaller --min-tissue or --tile-px"
    )
