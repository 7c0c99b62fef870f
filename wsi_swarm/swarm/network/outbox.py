"""Frames that wait because a peer's queue is full: bounded for each peer and in all, pure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PEER_BYTES = 64 * 2**20
"""What may wait for one peer: 32 downloads at once."""
ALL_BYTES = 256 * 2**20
"""What may wait for all of them."""


class Outbox:
    """First in, first out, for each peer."""

    def __init__(self, peer_bytes: int = PEER_BYTES, all_bytes: int = ALL_BYTES) -> None:
        self._peer_bytes, self._all_bytes = peer_bytes, all_bytes
        self._waiting: dict[int, deque[bytes]] = {}
        self._sizes: dict[int, int] = {}

    def put(self, index: int, frame: bytes) -> bool:
        """Keep a frame for a peer; return False if that would be too much."""
        mine, total = self._sizes.get(index, 0) + len(frame), sum(self._sizes.values()) + len(frame)
        if mine > self._peer_bytes or total > self._all_bytes:
            return False
        self._waiting.setdefault(index, deque()).append(frame)
        self._sizes[index] = mine
        return True

    def holds(self, index: int) -> bool:
        """Whether something waits for a peer: whatever else is for it comes after that."""
        return index in self._waiting

    def flush(self, send: Callable[[int, bytes], bool]) -> None:
        """Send what can be sent; ``send`` says whether a peer's queue took a frame."""
        for index in list(self._waiting):
            frames = self._waiting[index]
            while frames and send(index, frames[0]):
                self._sizes[index] -= len(frames.popleft())
            if not frames:
                self.forget(index)

    def forget(self, index: int) -> int:
        """Throw away what waits for a peer; return how many frames that were."""
        self._sizes.pop(index, None)
        return len(self._waiting.pop(index, ()))
