"""Writing in a thread of its own, at most a few slides behind."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WAITING = 4
"""Slides that may wait to be written; their features are in memory."""


class Writer:
    """Runs the writing of each slide in turn; an error that is not the slide's own comes out at the next call."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="feature writer")
        self._waiting: deque[Future[None]] = deque()

    def submit(self, write: Callable[[], None]) -> None:
        """Queue a slide; waits while too many are queued."""
        self._waiting.append(self._pool.submit(write))
        while self._waiting and (len(self._waiting) > WAITING or self._waiting[0].done()):
            self._waiting.popleft().result()

    def finish(self) -> None:
        """Wait until all is written."""
        while self._waiting:
            self._waiting.popleft().result()

    def close(self) -> None:
        """Write what is queued, whatever happened elsewhere, and end the thread."""
        self._pool.shutdown(wait=True)
