"""Stage two: read the chosen tiles, encode them, write one feature file per slide."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.engine.crew import work_together
from pipelines.engine.devices import DeviceWorker
from pipelines.engine.extraction import longest_first, work_through
from pipelines.engine.ray_engine import ray_cluster, ray_workers
from pipelines.engine.reading import ThreadReader
from pipelines.engine.recipe import DEFAULTS, ExtractOptions, Recipe
from pipelines.engine.run_log import RunLog
from pipelines.engine.work_order import WorkOrder
from pipelines.errors import InputError
from pipelines.job import WHOLE_LIST, Control, Job, Plan, Summary
from pipelines.preparation import AsRead
from pipelines.slides import list_slides

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipelines.encoder import Encoder, EncoderFacts
    from pipelines.preparation import Preparation
    from pipelines.slides import SlideEntry

__all__ = ["ExtractOptions", "extract_on_devices", "extract_slides", "extract_with_ray", "plan_extraction"]


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


def extract_on_devices(
    source: Path,
    out: Path,
    make_encoder: Callable[[str], Encoder],
    devices: Sequence[str],
    options: ExtractOptions = DEFAULTS,
    slide_mpp: float | None = None,
    *,
    preparation: Preparation | None = None,
    control: Control = WHOLE_LIST,
) -> Summary:
    """Do what ``extract_slides`` does in one process per device; each takes the longest slide that is left.

    Parameters
    ----------
    make_encoder : makes the encoder from a device's name; it is sent to the processes, so it must be picklable.
    devices : names that ``make_encoder`` knows; "cpu" may stand there several times.

    Raises
    ------
    InputError, SetupError
        As ``extract_slides``; a worker that dies is no error while its slides can be done by others.
    """
    order = WorkOrder(make_encoder, preparation or AsRead(), options, slide_mpp, Path(out), control, time.time())
    entries = tiled_slides(source, Job(out), control)
    workers = [DeviceWorker(order, device, devices.count("cpu")) for device in devices]
    return work_together(order, workers, entries, longest_first(Job(out), entries))


def extract_with_ray(
    source: Path,
    out: Path,
    make_encoder: Callable[[str], Encoder],
    devices: Sequence[str] = ("auto",),
    options: ExtractOptions = DEFAULTS,
    slide_mpp: float | None = None,
    *,
    preparation: Preparation | None = None,
    control: Control = WHOLE_LIST,
    address: str | None = None,
) -> Summary:
    """Do what ``extract_slides`` does on a cluster; slides and job folder must be on a file system that all nodes see.

    Parameters
    ----------
    make_encoder, devices : as in ``extract_on_devices``; "auto" is every GPU of the cluster, or one CPU.
    address : of the cluster; None for one that is started on this machine.

    Raises
    ------
    InputError, SetupError
        As ``extract_on_devices``; also without Ray or cluster.
    """
    with ray_cluster(address) as ray:
        source, out = Path(source).absolute(), Path(out).absolute()  # a node's working folder is another
        order = WorkOrder(make_encoder, preparation or AsRead(), options, slide_mpp, out, control, time.time())
        entries = tiled_slides(source, Job(out), control)
        workers = ray_workers(ray, order, devices)
        return work_together(order, workers, entries, longest_first(Job(out), entries))


def plan_extraction(
    source: Path,
    out: Path,
    encoder: EncoderFacts,
    options: ExtractOptions = DEFAULTS,
    slide_mpp: float | None = None,
    clock: Callable[[], float] = time.time,
    *,
    preparation: Preparation | None = None,
    control: Control = WHOLE_LIST,
) -> list[Plan]:
    """Return what ``extract_slides`` would do with each slide and why; nothing is written.

    Weights that are not known are taken for those of before.
    """
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
