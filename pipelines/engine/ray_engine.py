"""A cluster by Ray: tiles are decoded by tasks on its CPUs, encoded by actors on its GPUs, written by the actors.

An actor is the same engine as a local process; only its reader is another. So slides are claimed by the job's locks,
tiles go straight from the node that decoded them to the one that encodes them, and the files are the same.
Ray is an optional extra: nothing is imported from it before it is asked for.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.engine.crew import WorkerDied
from pipelines.engine.extraction import Relay, work_through
from pipelines.engine.reading import read_block
from pipelines.errors import SetupError, WsiSwarmError
from pipelines.slides import UnreadableRegion, open_slide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pipelines.engine.extraction import Listener
    from pipelines.engine.reading import Block, Pictures
    from pipelines.engine.work_order import WorkOrder
    from pipelines.preparation import PrepareTile
    from pipelines.slides import Reader, Slide, SlideEntry

POLL_S = 0.5
KNOCK_S = 5.0
_LOCAL_STORE_BYTES = 2**30


@contextmanager
def ray_cluster(address: str | None) -> Iterator[Any]:
    """Connect to a cluster, or start one on this machine that nobody else can reach; yield the module ``ray``.

    Parameters
    ----------
    address : as ``ray start`` prints it ("10.0.0.1:6379", "auto"); None for this machine alone.

    Raises
    ------
    SetupError
        If Ray is not installed, or there is no cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a hospital's cluster reports to nobody
    try:
        import ray
    except ImportError as error:
        msg = "--engine ray needs Ray, which is an extra: pip install 'wsi-swarm[ray]'"
        raise SetupError(msg) from error
    where: dict[str, Any] = {"address": address}
    if address is None:
        where = {
            "address": "local",
            "include_dashboard": False,
            "object_store_memory": _LOCAL_STORE_BYTES,
            "_node_ip_address": "127.0.0.1",
        }
    try:
        _knock(address)
        ray.init(**where, log_to_driver=False, logging_level="ERROR")
    except (RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        msg = f"no Ray cluster at {address or 'this machine'}: {error}; check --ray-address"
        raise SetupError(msg) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str | None) -> None:
    # Ray itself tries for minutes before it says that nobody is there.
    match = re.fullmatch(r"(?:ray://)?(.+):(\d+)", address or "")
    if match:
        socket.create_connection((match[1].strip("[]"), int(match[2])), KNOCK_S).close()


def ray_workers(ray: Any, order: WorkOrder, devices: Sequence[str]) -> list[RayWorker]:
    """Return one worker per GPU of the cluster, or per device named.

    Parameters
    ----------
    ray : the connected module.
    order : what is to be done.
    devices : "auto" or "all" for every GPU (without any: one on a CPU), else one "cpu" or "cuda" per worker.
    """
    if list(devices) in (["auto"], ["all"]):
        devices = ["cuda"] * int(ray.cluster_resources().get("GPU", 0)) or ["cpu"]
    return [RayWorker(ray, order, device.partition(":")[0], number) for number, device in enumerate(devices)]


class RayWorker:
    """An actor that encodes on one device of the cluster; see ``crew.Worker``."""

    def __init__(self, ray: Any, order: WorkOrder, device: str, number: int) -> None:
        self.name = f"{device} (Ray actor {number})"
        self._ray, self._order, self._device = ray, order, device
        self._actor: Any = None
        self._stopped = False

    def run(self, entries: Sequence[SlideEntry], alone: bool, listener: Listener) -> str:
        """Start the actor and ask it for news until it ends."""
        ray = self._ray
        # No CPU of its own: on a small cluster the actors would leave none for decoding, and wait for ever.
        needs = {"num_cpus": 0, "num_gpus": int(self._device == "cuda"), "max_concurrency": 2}
        who: tuple[str, str, int] = ("", "", 0)
        try:
            self._actor = ray.remote(_Encoding).options(**needs).remote(self._order, self._device)
            running = self._actor.run.remote(list(entries), alone)
            over = False
            while not over:
                over = bool(ray.wait([running], timeout=POLL_S)[0]) or self._stopped
                for kind, *what in ray.get(self._actor.news.remote()):
                    if kind == "hello":
                        who = tuple(what)
                    else:
                        getattr(listener, kind)(*what)
            stage = ray.get(running)
            ray.kill(self._actor)
            return stage
        except ray.exceptions.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, WsiSwarmError):
                raise type(cause)(str(cause)) from error
            raise WorkerDied(repr(cause), *who) from error
        except ray.exceptions.RayError as error:
            raise WorkerDied(str(error).partition("\n")[0], *who) from error

    def ask_to_end(self) -> None:
        """End the actor; Ray knows no gentler way, and its locks are known as a dead process's."""
        self._stopped = True
        if self._actor is not None:
            self._ray.kill(self._actor)

    def end(self, within_s: float) -> None:
        """Nothing is left to end."""


class _Encoding:
    """What runs in the actor: the engine, with tasks of the cluster for readers."""

    def __init__(self, order: WorkOrder, device: str) -> None:
        self._order, self._device = order, device
        self._news: list[tuple[Any, ...]] = []
        self._guard = threading.Lock()

    def run(self, entries: list[SlideEntry], alone: bool) -> str:
        recipe = self._order.recipe(self._device)
        self._tell("hello", recipe.stage, socket.gethostname(), os.getpid())
        with self._order.job(alone) as job:
            work_through(recipe, job, entries, lambda: _RayReader(recipe.options.reader), Relay(self._tell))
        return recipe.stage

    def news(self) -> list[tuple[Any, ...]]:
        with self._guard:
            news, self._news = self._news, []
        return news

    def _tell(self, *message: Any) -> None:
        with self._guard:
            self._news.append(message)


class _RayReader:
    """Reads blocks by tasks on the CPUs of the cluster; see ``reading.BlockReader``."""

    def __init__(self, reader: Reader) -> None:
        import ray

        self._ray, self._reader = ray, reader
        self._task = ray.remote(_read_far_away)
        self._begun: set[Any] = set()

    def submit(self, block: Block[Any]) -> Callable[[], list[Pictures]]:
        slide = block.slide
        given = slide.mpp if slide.mpp_origin == "given" else None
        result = self._task.remote(
            slide.path, given, self._reader, block.coords, block.side, block.out_px, block.prepare
        )
        self._begun.add(result)

        def wait() -> list[Pictures]:
            pictures, lost = self._ray.get(result)
            self._begun.discard(result)
            return [
                UnreadableRegion(*lost[row]) if row in lost else tuple(variants)
                for row, variants in enumerate(pictures)
            ]

        return wait

    def close(self) -> None:
        for result in self._begun:
            self._ray.cancel(result)


def _read_far_away(
    path: Path,
    given_mpp: float | None,
    reader: Reader,
    coords: np.ndarray,
    side: float,
    out_px: int,
    prepare: PrepareTile,
) -> tuple[np.ndarray, dict[int, tuple[str, str]]]:
    """Read a block; returns (K, variants, out_px, out_px, 3) uint8, and which rows are lost and why."""
    read = read_block(_kept_open(path, given_mpp, reader), coords, side, out_px, prepare)
    lost = {row: (str(tile), tile.cause) for row, tile in enumerate(read) if isinstance(tile, UnreadableRegion)}
    variants = max((len(tile) for tile in read if not isinstance(tile, UnreadableRegion)), default=0)
    pictures = np.zeros((len(read), variants, out_px, out_px, 3), np.uint8)
    for row, tile in enumerate(read):
        if not isinstance(tile, UnreadableRegion):
            pictures[row] = tile
    return pictures, lost


@lru_cache(maxsize=4)
def _kept_open(path: Path, given_mpp: float | None, reader: Reader) -> Slide:
    # Blocks of one slide come one after another to the same few processes.
    return open_slide(path, given_mpp, reader=reader)
