"""The engine: slides are claimed as the reader reaches them and written as their last vector returns."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from pipelines.engine.batches import Batcher
from pipelines.engine.reading import BlockReader, read_ahead
from pipelines.engine.slide_work import SlideWork, begin
from pipelines.engine.writer import Writer
from pipelines.job import TILE_STAGE
from pipelines.slides import UnreadableRegion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from pipelines.engine.reading import Block
    from pipelines.engine.recipe import Recipe
    from pipelines.job import Job, Outcome
    from pipelines.slides import SlideEntry

WINDOW_BYTES = 2**28
"""Tiles that are read ahead; while a slide is opened the device lives on them."""


class Listener(Protocol):
    """Is told how a run goes on."""

    def settled(self, outcome: Outcome) -> None:
        """Take how a slide ended."""
        ...

    def tiles(self, slide_id: str, number: int) -> None:
        """Take how many more tiles of a slide have been read."""
        ...

    def say(self, sentence: str) -> None:
        """Take a sentence for the person who waits."""
        ...


class Relay:
    """A listener that sends on what it is told, as the name of the method and its arguments."""

    def __init__(self, send: Callable[..., None]) -> None:
        self.send = send

    def settled(self, outcome: Outcome) -> None:
        """Send on how a slide ended."""
        self.send("settled", outcome)

    def tiles(self, slide_id: str, number: int) -> None:
        """Send on how many more tiles of a slide have been read."""
        self.send("tiles", slide_id, number)

    def say(self, sentence: str) -> None:
        """Send on a sentence."""
        self.send("say", sentence)


def longest_first(job: Job, entries: Sequence[SlideEntry]) -> list[SlideEntry]:
    """Return the slides by falling number of tiles, so that no device is left alone with a long one at the end."""
    return sorted(entries, key=lambda entry: -tiles_of(job, entry.id))


def tiles_of(job: Job, slide_id: str) -> int:
    """Return how many tiles ``tile`` chose; 0 where it did not."""
    return int(job.stage(slide_id, TILE_STAGE).get("counts", {}).get("tiles", 0))


def work_through(
    recipe: Recipe, job: Job, entries: Sequence[SlideEntry], make_reader: Callable[[], BlockReader], listener: Listener
) -> None:
    """Read, encode and write slides; those that others are at are looked at again when all else is done."""
    busy = _Pass(recipe, job, listener, keep_busy=True).run(entries, make_reader())
    if busy:
        _Pass(recipe, job, listener, keep_busy=False).run(busy, make_reader())


class _Pass:
    """One way through a list of slides."""

    def __init__(self, recipe: Recipe, job: Job, listener: Listener, keep_busy: bool) -> None:
        self._recipe, self._job, self._listener, self._keep_busy = recipe, job, listener, keep_busy
        self._busy: list[SlideEntry] = []
        self._open: set[SlideWork] = set()
        self._writer = Writer()

    def run(self, entries: Sequence[SlideEntry], reader: BlockReader) -> list[SlideEntry]:
        """Return the slides that others were at, unless they are to be reported as such."""
        recipe, batch_size = self._recipe, self._recipe.options.batch_size
        batcher: Batcher[tuple[SlideWork, int, int]] = Batcher(
            recipe.encoder, batch_size, self._store, self._listener.say
        )
        try:
            with closing(read_ahead(self._slides(entries), reader, WINDOW_BYTES)) as results:
                for block, pictures in results:
                    self._listener.tiles(block.owner.slide.id, len(block.rows))
                    for row, picture in zip(block.rows.tolist(), pictures, strict=True):
                        if isinstance(picture, UnreadableRegion):
                            block.owner.drop(row, picture)
                            self._end_if_over(block.owner)
                            continue
                        for variant, tile in enumerate(picture):
                            batcher.add(tile, (block.owner, variant, row))
            batcher.finish()
            self._writer.finish()
        finally:
            self._writer.close()
            for work in self._open:
                work.slide.close()
        return self._busy

    def _slides(self, entries: Sequence[SlideEntry]) -> Iterator[Iterator[Block[SlideWork]]]:
        for entry in entries:
            work = begin(self._recipe, self._job, entry)
            if isinstance(work, SlideWork):
                self._open.add(work)
                yield work.blocks()
            elif work.status == "busy" and self._keep_busy:
                self._busy.append(entry)
            else:
                self._listener.settled(work)

    def _store(self, tag: tuple[SlideWork, int, int], vector: np.ndarray) -> None:
        work, variant, row = tag
        work.store(variant, row, vector)
        self._end_if_over(work)

    def _end_if_over(self, work: SlideWork) -> None:
        if work.pending == 0:
            self._open.discard(work)
            self._writer.submit(lambda: self._listener.settled(work.write(self._job)))
