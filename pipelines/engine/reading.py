"""Reading ahead in threads while keeping the order, so that results do not depend on the number of workers."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pipelines.slides import UnreadableRegion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np

    from pipelines.preparation import PrepareTile
    from pipelines.slides import Slide

Owner = TypeVar("Owner")
Pictures = "tuple[np.ndarray, ...] | UnreadableRegion"
"""What one tile becomes: a picture per variant, or the reason why there is none."""

SLIDES_AHEAD = 2
"""Slides of which not all has been handed on: the one that is encoded and the one that is opened meanwhile."""


@dataclass(frozen=True)
class Block(Generic[Owner]):
    """Tiles of one slide that are read together.

    Attributes
    ----------
    owner : whatever the reader of the results needs to know of the slide.
    slide : open slide.
    rows : (K,) row indices of the slide's tiles.
    coords : (K, 2) level-0 px.
    side : of a tile in level-0 px.
    out_px : side of a tile as wanted.
    prepare : makes the variants.
    size : bytes of all its results.
    """

    owner: Owner
    slide: Slide
    rows: np.ndarray
    coords: np.ndarray
    side: float
    out_px: int
    prepare: PrepareTile
    size: int


class BlockReader(Protocol):
    """Reads blocks somewhere: in threads here, or on the workers of a cluster."""

    def submit(self, block: Block[Any]) -> Callable[[], list[Pictures]]:
        """Begin to read; what is returned waits for the results, one per row."""
        ...

    def close(self) -> None:
        """Stop; what has not begun is never read."""
        ...


class ThreadReader:
    """One pool of threads that lives as long as the run; slides come and go, the threads stay."""

    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="tile reader")

    def submit(self, block: Block[Any]) -> Callable[[], list[Pictures]]:
        """Begin to read a block."""
        return self._pool.submit(read_block, block.slide, block.coords, block.side, block.out_px, block.prepare).result

    def close(self) -> None:
        """Wait for the blocks that are being read, forget the others."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def read_block(slide: Slide, coords: np.ndarray, side: float, out_px: int, prepare: PrepareTile) -> list[Pictures]:
    """Read the tiles at ``coords`` and prepare each."""
    tiles = slide.read_tiles(coords, side, out_px)
    return [
        tile if isinstance(tile, UnreadableRegion) else prepare(tile, x, y)
        for tile, (x, y) in zip(tiles, coords.tolist(), strict=True)
    ]


def read_ahead(
    slides: Iterator[Iterable[Block[Owner]]], reader: BlockReader, window: int
) -> Iterator[tuple[Block[Owner], list[Pictures]]]:
    """Read blocks at most ``window`` bytes ahead of the consumer and yield them in the order given.

    ``slides`` is drawn from a thread of its own, so that opening a slide keeps nobody waiting while there is still
    something read; but no more than ``SLIDES_AHEAD`` of them, so that one worker does not claim what another could
    begin with. A block larger than the window is read when nothing else is in it. Close the generator to stop.
    """
    ahead = _Ahead(slides, reader, window)
    feeder = threading.Thread(target=ahead.feed, name="slide opener", daemon=True)
    feeder.start()
    try:
        while (item := ahead.queue.get()) is not _OVER:
            if item is None:
                ahead.leave(slides=1)
                continue
            block, wait = item
            yield block, wait()
            ahead.leave(size=block.size)
        feeder.join()
        if ahead.error is not None:
            raise ahead.error
    finally:
        ahead.stop()
        feeder.join()
        reader.close()


_OVER = object()


class _Ahead(Generic[Owner]):
    """What is being read or waits for the consumer; the queue holds blocks, None after a slide's last, and _OVER."""

    def __init__(self, slides: Iterator[Iterable[Block[Owner]]], reader: BlockReader, window: int) -> None:
        self._drawn, self._reader, self._window = slides, reader, window
        self._bytes = self._slides = 0
        self._stopped = False
        self._changed = threading.Condition()
        self.queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.error: BaseException | None = None

    def feed(self) -> None:
        try:
            while self._wait(lambda: self._slides < SLIDES_AHEAD):
                blocks = next(self._drawn, None)
                if blocks is None:
                    break
                self.leave(slides=-1)
                for block in blocks:
                    if not self._wait(lambda size=block.size: not self._bytes or self._bytes + size <= self._window):
                        break
                    self.leave(size=-block.size)
                    self.queue.put((block, self._reader.submit(block)))
                self.queue.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again where the results are consumed
            self.error = error
        self.queue.put(_OVER)

    def _wait(self, until: Callable[[], bool]) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or until())
            return not self._stopped

    def leave(self, size: int = 0, slides: int = 0) -> None:
        # Negative for what enters.
        with self._changed:
            self._bytes -= size
            self._slides -= slides
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
