"""Stage one: find the tissue of each slide and choose its tiles."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import ConfigError, InputError, SetupError, WsiSwarmError
from pipelines.features import Tiles, describe_tiles, write_tiles
from pipelines.files import why_not_written, write_bytes
from pipelines.geojson import slide_features, write_geojson
from pipelines.grid import make_grid
from pipelines.job import TILE_STAGE, WHOLE_LIST, Claim, Control, Job, Outcome, Plan, Summary, fingerprint
from pipelines.progress import progress
from pipelines.slides import PLAUSIBLE_MPP, READERS, Slide, SlideEntry, list_slides, open_slide
from pipelines.tissue.classes import SWITCHES, Area
from pipelines.tissue.drawn_mask import check_masks, find_mask, mask_sha256, read_mask
from pipelines.tissue.preview import LONG_SIDE_PX, draw_preview, encode_jpeg, shrink
from pipelines.tissue.selection import Selection, select_tiles
from pipelines.tissue.survey import Survey, survey, thresholds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
    keep : what is not dropped although it is found: of "pen", "blur", "debris", "hole".
    any_stain : take slides whose colours are not those of an H&E section, too.
    reader : of the pixels: "auto", "openslide" or "jpeg-tiff".
    """

    mpp: float = 0.5
    tile_px: int = 224
    overlap_px: int = 0
    min_tissue: float = 0.5
    keep: tuple[str, ...] = ()
    any_stain: bool = False
    reader: str = "auto"

    def __post_init__(self) -> None:
        """Refuse options that no slide can satisfy."""
        if not PLAUSIBLE_MPP[0] <= self.mpp <= PLAUSIBLE_MPP[1]:
            msg = f"--mpp {self.mpp:g} is outside {PLAUSIBLE_MPP[0]:g}-{PLAUSIBLE_MPP[1]:g} µm per pixel"
            raise ConfigError(msg)
        if not 0 < self.min_tissue <= 1:
            msg = f"--min-tissue {self.min_tissue:g} must be above 0 and at most 1"
            raise ConfigError(msg)
        unknown = sorted(set(self.keep) - set(SWITCHES))
        if unknown:
            msg = f"--keep does not know {', '.join(unknown)}; it knows {', '.join(SWITCHES)}"
            raise ConfigError(msg)
        if self.reader not in READERS:
            msg = f"--reader {self.reader} is unknown; choose {', '.join(READERS)}"
            raise ConfigError(msg)
        object.__setattr__(self, "keep", tuple(sorted(set(self.keep))))
        make_grid((1, 1), self.mpp, self.mpp, self.tile_px, self.overlap_px)


@dataclass(frozen=True)
class _Order:
    """What is asked for of every slide of a run."""

    options: TileOptions
    slide_mpp: float | None
    masks: Path | None
    single: bool

    def mpp_of(self, entry: SlideEntry) -> float | None:
        return entry.mpp or self.slide_mpp

    def parameters(self, job: Job, entry: SlideEntry) -> dict[str, Any]:
        given = _given_mpp(job.stage(entry.id, TILE_STAGE), self.mpp_of(entry))
        parameters = {**asdict(self.options), "slide_mpp": given, "tissue": thresholds()}
        return {**parameters, "tissue_mask": self._mask_of(entry), "slide": fingerprint(entry.path)}

    def _mask_of(self, entry: SlideEntry) -> str | None:
        if self.masks is None:
            return None
        try:
            return mask_sha256(find_mask(self.masks, entry.id))
        except InputError:
            return "missing"


def tile_slides(
    source: Path,
    out: Path,
    options: TileOptions = TileOptions(),
    slide_mpp: float | None = None,
    clock: Callable[[], float] = time.time,
    *,
    tissue_mask: Path | None = None,
    workers: int = 1,
    control: Control = WHOLE_LIST,
) -> Summary:
    """Tile every slide of a file, folder or table into a job folder; a bad slide does not stop the others.

    Parameters
    ----------
    source : slide file, folder or table.
    out : job folder.
    options : scale, size, overlap, tissue threshold, what to keep.
    slide_mpp : µm per level-0 px for slides that do not say it; a table's mpp column goes before it. A slide that
        says another mpp than the one stated for it alone is refused.
    clock : seconds since the epoch.
    tissue_mask : GeoJSON file, or folder with a <slide>.geojson for each slide, that says where tissue is.
    workers : slides worked on at once; what is written does not depend on it.
    control : which of the slides.

    Raises
    ------
    InputError
        If there is no slide, or two have one name. Failures of single slides are in the summary.
    ConfigError
        If the mask or the number of workers cannot be.
    """
    if workers < 1:
        msg = f"--workers {workers} must be at least 1"
        raise ConfigError(msg)
    entries, order = _prepare(source, out, options, slide_mpp, tissue_mask, control)
    started = clock()
    outcomes: list[Outcome] = []
    with Job(out, clock, control, started) as job, progress(len(entries), "tile", "slide") as bar:
        for outcome in _in_order(partial(_tile_one, job, order), entries, workers):
            outcomes.append(outcome)
            bar.update()
        # Whoever was at a slide may have finished it since, or died.
        outcomes = [
            _tile_one(job, order, entry) if outcome.status == "busy" else outcome
            for entry, outcome in zip(entries, outcomes, strict=True)
        ]
    summary = Summary(TILE_STAGE, job.folder, started, clock(), tuple(outcomes))
    summary.write()
    return summary


def plan_tiling(
    source: Path,
    out: Path,
    options: TileOptions = TileOptions(),
    slide_mpp: float | None = None,
    *,
    tissue_mask: Path | None = None,
    control: Control = WHOLE_LIST,
) -> list[Plan]:
    """Return what ``tile_slides`` would do with each slide, without touching anything."""
    entries, order = _prepare(source, out, options, slide_mpp, tissue_mask, control)
    job = Job(out, control=control)
    return [job.plan(entry, TILE_STAGE, order.parameters(job, entry), _outputs(job, entry)) for entry in entries]


def _prepare(
    source: Path, out: Path, options: TileOptions, slide_mpp: float | None, masks: Path | None, control: Control
) -> tuple[list[SlideEntry], _Order]:
    entries = list_slides(source)
    if masks is not None:
        check_masks(masks, len(entries), Job(out).geojson_file("any").parent)
    return control.shard.of(entries), _Order(options, slide_mpp, masks, len(entries) == 1)


def _in_order(work: Callable[[SlideEntry], Outcome], entries: list[SlideEntry], workers: int) -> Iterable[Outcome]:
    if workers == 1:
        yield from map(work, entries)
        return
    with ThreadPoolExecutor(workers, "tile") as pool:
        try:
            yield from pool.map(work, entries)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _outputs(job: Job, entry: SlideEntry) -> list[Path]:
    return [job.tiles_file(entry.id), job.geojson_file(entry.id), job.thumbnail_file(entry.id)]


def _tile_one(job: Job, order: _Order, entry: SlideEntry) -> Outcome:
    claim = job.claim(entry, TILE_STAGE, order.parameters(job, entry), _outputs(job, entry))
    if isinstance(claim, Outcome):
        return claim
    stated_for_it = entry.mpp is not None or order.single
    try:
        with open_slide(
            entry.path, order.mpp_of(entry), only_if_missing=not stated_for_it, reader=order.options.reader
        ) as slide:
            claim.parameters["slide_mpp"] = slide.mpp if slide.mpp_origin == "given" else None
            return _tile_slide(job, claim, slide, order)
    except (WsiSwarmError, OSError) as error:
        return claim.failed(str(error))


def _given_mpp(recorded: dict[str, Any], slide_mpp: float | None) -> float | None:
    # A run that is repeated with --slide-mpp for the slides that were refused must not redo those that did not need
    # it, and one that is repeated without it must not redo those that did.
    if recorded.get("status") != "done":
        return slide_mpp
    used = recorded["parameters"].get("slide_mpp")
    return slide_mpp or used if isinstance(used, int | float) else None


def _tile_slide(job: Job, claim: Claim, slide: Slide, order: _Order) -> Outcome:
    options = order.options
    if slide.mpp > options.mpp * ENLARGEMENT_LIMIT:
        msg = f"{slide.path} has {slide.mpp:g} µm per pixel, too coarse for --mpp {options.mpp:g}; ask for a larger mpp"
        raise InputError(msg)
    grid = make_grid(slide.size, slide.mpp, options.mpp, options.tile_px, options.overlap_px)
    if not len(grid.coords):
        msg = f"{slide.path} is smaller ({slide.size[0]} x {slide.size[1]} px) than one tile; use a smaller --tile-px"
        raise InputError(msg)
    mask_file = None if order.masks is None else find_mask(order.masks, slide.id)
    drawn = None if mask_file is None else read_mask(mask_file)
    # A person who drew the tissue has seen what is blurred.
    seen = survey(slide, options.keep, options.any_stain, with_focus=drawn is None)
    chosen = select_tiles(seen, drawn, grid, slide.size, options.min_tissue)
    if not len(chosen.coords):
        raise InputError(_nothing_kept(slide, chosen, options, mask_file))
    attrs = {
        **describe_tiles(slide.size, slide.mpp, options.mpp, options.tile_px, options.overlap_px),
        "mpp_origin": slide.mpp_origin,
        "reader": slide.reader,
        "dropped": chosen.dropped,
    }
    side = grid.tile_px_level0
    picture = encode_jpeg(_preview(slide, seen, chosen, side))
    objects = slide_features(slide.id, chosen.tissue, chosen.coords, side, chosen.excluded)
    try:
        write_bytes(job.thumbnail_file(slide.id), picture)
        write_geojson(job.geojson_file(slide.id), objects)
        write_tiles(job.tiles_file(slide.id), Tiles(slide.id, chosen.coords.astype(np.int32), attrs))
    except OSError as error:
        raise SetupError(why_not_written(Path(error.filename or job.folder), error)) from error
    if drawn is not None and drawn.ignored:
        claim.details["tissue_mask_ignored"] = drawn.ignored
    tissue_mm2 = round(seen.area_mm2(chosen.classes == Area.TISSUE), 3)
    return claim.done({"tiles": len(chosen.coords), "dropped": chosen.dropped, "tissue_mm2": tissue_mm2})


def _preview(slide: Slide, seen: Survey, chosen: Selection, side: float) -> np.ndarray:
    picture = seen.image
    # Reading again costs more than everything else; only a small section needs it.
    if max(picture.shape) < LONG_SIDE_PX / 2:
        picture = slide.thumbnail(max(slide.size) * slide.mpp / LONG_SIDE_PX)
    picture = shrink(picture)
    return draw_preview(picture, slide.size, chosen.tissue, chosen.coords, side, chosen.classes, chosen.dropped)


def _nothing_kept(slide: Slide, chosen: Selection, options: TileOptions, mask_file: Path | None) -> str:
    if mask_file is not None:
        return f"{slide.path}: no tile lies inside the areas of {mask_file}; is it drawn for this slide, in its pixels?"
    if not chosen.tissue:
        reasons = {reason: number for reason, number in chosen.dropped.items() if reason != Area.BACKGROUND.label}
        seen = f" ({', '.join(f'{number} tiles {reason}' for reason, number in reasons.items())})" if reasons else ""
        return f"{slide.path}: no tissue found{seen}; look at the slide: it may be empty, unstained or a mask"
    return (
        f"{slide.path}: no tile of {options.tile_px * options.mpp:g} µm is at least {options.min_tissue:.0%} tissue; "
        "use a smaller --min-tissue or --tile-px"
    )
