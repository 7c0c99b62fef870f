"""Reading ahead in threads while keeping the order, so that results do not depend on the number of workers."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from pipelines.slides import UnreadableRegion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np

Owner = TypeVar("Owner")


def read_in_order(
    reads: Iterator[tuple[Owner, int, Callable[[], np.ndarray]]], workers: int, window: int
) -> Iterator[tuple[Owner, int, np.ndarray | UnreadableRegion]]:
    """Run reads in ``workers`` threads, at most ``window`` ahead, and yield their results in the order given.

    An ``UnreadableRegion`` is a result; any other error is raised.
    """
    waiting: deque[tuple[Owner, int, Future[np.ndarray | UnreadableRegion]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="tile reader")
    try:
        for owner, row, read in reads:
            waiting.append((owner, row, pool.submit(_outcome, read)))
            if len(waiting) >= max(window, workers):
                owner_done, row_done, future = waiting.popleft()
                yield owner_done, row_done, future.result()
        while waiting:
            owner_done, row_done, future = waiting.popleft()
            yield owner_done, row_done, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _outcome(read: Callable[[], np.ndarray]) -> np.ndarray | UnreadableRegion:
    try:
        return read()
    except UnreadableRegion as region:
        return region
