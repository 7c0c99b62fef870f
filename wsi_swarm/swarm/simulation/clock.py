"""Virtual time: a queue of what happens when."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

START = 1_000.0
"""Seconds at which every simulation begins."""


class Clock:
    """Time that passes only when something happens.

    Attributes
    ----------
    passed
        Seconds since the beginning; what happens at the same moment happens in the order in which it was asked for.
    """

    def __init__(self) -> None:
        self.passed = 0.0
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0

    @property
    def now(self) -> float:
        """Seconds, as a clock on the wall would show them."""
        return START + self.passed

    def later(self, delay: float, happen: Callable[[], object]) -> None:
        """Let something happen ``delay`` seconds from now."""
        self.at(self.passed + delay, happen)

    def at(self, passed: float, happen: Callable[[], object]) -> None:
        """Let something happen ``passed`` seconds after the beginning, or now if that is over."""
        self._count += 1
        heapq.heappush(self._queue, (max(self.passed, passed), self._count, happen))

    def step(self, limit_s: float) -> bool:
        """Let the next thing happen; return False if there is none within ``limit_s`` seconds of the beginning."""
        if not self._queue or self._queue[0][0] >= limit_s:
            return False
        self.passed, _, happen = heapq.heappop(self._queue)
        happen()
        return True
