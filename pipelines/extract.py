"""Stage two: read the chosen tiles, encode them, write one feature file per slide."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pipelines.engine.extraction import longest_first, work_through
from pipelines.engine.reading import ThreadReader
from pipelines.engine.recipe import DEFAULTS, ExtractOptions, Recipe
from pipelines.engine.run_log import RunLog
from pipelines.errors import InputError
from pipelines.job import WHOLE_LIST, Control, Job, Plan, Summary
from pipelines.preparation import AsRead
from pipelines.slides import list_slides

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelines.encoder import Encoder
    from pipelines.preparation import Preparation
    from pipelines.slides import SlideEntry

__all__ = ["ExtractOptions", "extract_slides", "plan_extraction"]


def extract_slides(
    source: Path,
    out: Path,
    encoder: Encoder,
    options: ExtractOptions = DEFAULTS,
    slide_mpp: float | None = None,
    clock: Callable[[], float] = time.time,
    *,
    preparation: Preparation | None = None,
    control: Control = WHOLE_LIST,
) -> Summary:
    """Encode the tiles of every slide of a file, folder or table; a bad slide does not stop the others.

    Tiles stay uint8 until they are on the encoder's device, and batches run across slide borders. The bytes written
    do not depend on the number of workers, and a tile that cannot be read is dropped, counted and named.

    Parameters
    ----------
    source : slide file, folder or table, as given to ``tile_slides``.
    out : job folder that ``tile_slides`` has filled.
    encoder : what turns tiles into vectors.
    options : batch size, reading threads, reader, whether the card's mpp range may be left.
    slide_mpp : µm per level-0 px; not needed, since the tile file remembers it, and refused where it differs.
    clock : seconds since the epoch.
    preparation : what happens to a tile before it is encoded; None for nothing.
    control : which of the slides.

    Raises
    ------
    InputError
        If there is no slide, or none of the job is tiled. Failures of single slides are in the summary.
    SetupError
        If the device has no memory for a single tile, or the job's summary cannot be written.
    """
    started = clock()
    recipe = Recipe(encoder, preparation or AsRead(), options, slide_mpp)
    entries = tiled_slides(source, Job(out, clock), control)
    with Job(out, clock, control, started) as job, RunLog(job, entries, recipe.stage) as log:
        work_through(recipe, job, longest_first(job, entries), lambda: ThreadReader(options.workers), log)
    summary = Summary(recipe.stage, job.folder, started, clock(), log.outcomes())
    summary.write()
    return summary


def plan_extraction(
    source: Path,
    out: Path,
    encoder: Encoder,
    options: ExtractOptions = DEFAULTS,
    slide_mpp: float | None = None,
    clock: Callable[[], float] = time.time,
    *,
    preparation: Preparation | None = None,
    control: Control = WHOLE_LIST,
) -> list[Plan]:
    """Return what ``extract_slides`` would do with each slide and why; nothing is written."""
    recipe = Recipe(encoder, preparation or AsRead(), options, slide_mpp)
    job = Job(out, clock, control)
    return [recipe.plan(job, entry) for entry in control.shard.of(list_slides(source))]


def tiled_slides(source: Path, job: Job, control: Control) -> list[SlideEntry]:
    """Return the slides of this run; ``InputError`` where the job has tiles of none."""
    entries = list_slides(source)
    if not any(job.tiles_file(entry.id).is_file() for entry in entries):
        msg = f"{job.folder} holds no tiles of {source}; run `wsi-swarm tile {source} --out {job.folder}` first"
        raise InputError(msg)
    return control.shard.of(entries)
