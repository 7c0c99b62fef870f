"""Reading ahead: in order, bounded by bytes, ended by whoever stops."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipelines.engine.reading import SLIDES_AHEAD, Block, ThreadReader, read_ahead
from pipelines.engine.writer import WAITING, Writer
from pipelines.preparation import AsRead
from pipelines.slides import open_slide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class CountingReader:
    """Reads as the threads do, and knows how much was under way at most."""

    threads: ThreadReader
    inside: int = 0
    most: int = 0

    def submit(self, block: Block[str]) -> Callable[[], list]:
        self.inside += block.size
        self.most = max(self.most, self.inside)
        return self.threads.submit(block)

    def close(self) -> None:
        self.threads.close()


@pytest.fixture
def slide(make_slide):
    with open_slide(make_slide()) as slide:
        yield slide


def row_groups(coords: np.ndarray) -> list[np.ndarray]:
    return np.array_split(np.arange(len(coords)), 9)


def blocks_of(slide, coords: np.ndarray, drawn: list[int] | None = None) -> Iterator[Block[str]]:
    prepare = AsRead().for_slide(slide, None)
    for number, rows in enumerate(row_groups(coords)):
        if drawn is not None:
            drawn.append(number)
        yield Block("owner", slide, rows, coords[rows], 100.0, 50, prepare, len(rows) * 7500)


@pytest.fixture
def coords():
    return np.array([(x, y) for y in range(0, 1100, 100) for x in range(0, 1500, 100)])


@pytest.mark.parametrize("workers", [1, 3])
def test_blocks_come_in_order_with_the_pixels_of_read_region(slide, coords, workers: int) -> None:
    want = [rows.tolist() for rows in row_groups(coords)]
    got = list(read_ahead(iter([blocks_of(slide, coords)]), ThreadReader(workers), 10**6))
    assert [block.rows.tolist() for block, _ in got] == want
    for block, pictures in got:
        for (x, y), (picture,) in zip(block.coords.tolist(), pictures, strict=True):
            assert (picture == slide.read_region(x, y, 100, 100, (50, 50))).all()


def test_no_more_is_read_ahead_than_the_window_holds(slide, coords) -> None:
    sizes = [len(rows) * 7500 for rows in row_groups(coords)]
    for window in (1, max(sizes) * 2):
        reader = CountingReader(ThreadReader(2))
        for block, _ in read_ahead(iter([blocks_of(slide, coords)]), reader, window):
            reader.inside -= block.size
        # The consumer's block is still counted while it is looked at.
        assert reader.most <= max(window, max(sizes))
        assert reader.inside == 0


def test_an_error_while_opening_comes_out_where_the_tiles_are_used(slide, coords) -> None:
    def broken() -> Iterator[list[Block[str]]]:
        yield list(blocks_of(slide, coords))[:2]
        raise KeyError("opener")

    results = read_ahead(broken(), ThreadReader(2), 10**6)
    assert [next(results)[0].owner, next(results)[0].owner] == ["owner", "owner"]
    with pytest.raises(KeyError, match="opener"):
        next(results)


def test_no_more_slides_are_opened_than_are_needed(slide, coords) -> None:
    opened: list[int] = []

    def slides() -> Iterator[list[Block[str]]]:
        for number in range(10):
            opened.append(number)
            yield list(blocks_of(slide, coords))

    blocks = len(row_groups(coords))
    for seen, _ in enumerate(read_ahead(slides(), ThreadReader(2), 10**9)):
        assert len(opened) <= seen // blocks + SLIDES_AHEAD
    assert len(opened) == 10


def test_who_stops_early_stops_the_threads(slide, coords) -> None:
    drawn: list[int] = []
    before = threading.active_count()
    results = read_ahead(iter([blocks_of(slide, coords, drawn)]), ThreadReader(2), 1)
    next(results)
    results.close()
    assert len(drawn) <= 2
    assert threading.active_count() == before


def test_a_writer_waits_when_too_much_is_queued_and_hands_errors_on() -> None:
    writer, gate, written = Writer(), threading.Event(), []
    writer.submit(gate.wait)
    with ThreadPoolExecutor(1) as pool:
        queued = pool.submit(lambda: [writer.submit(lambda n=n: written.append(n)) for n in range(WAITING + 3)])
        assert not queued.done()
        gate.set()
        queued.result(timeout=30)
    writer.finish()
    assert written == list(range(WAITING + 3))
    writer.submit(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        writer.finish()
    writer.close()
