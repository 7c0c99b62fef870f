"""What a peer may send before it is cut off: pure bookkeeping, told the time by its caller.

A budget is a token bucket that may be overdrawn: what exceeds it is dropped, and who overdraws it by as much as it
holds is cut off. So a burst costs a peer nothing, haste costs it the surplus, and only a flood costs it the link.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsi_swarm.swarm.protocol.message import WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterable

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Rate:
    """So much per second for ever, and ``burst`` at once."""

    per_second: float
    burst: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What one peer may do.

    Attributes
    ----------
    frames, bytes
        Of everything that was not asked for; chunks that were asked for are free.
    relay
        Bytes that are passed on for it to members it cannot reach.
    bad
        Frames that are no message or not its own.
    handshakes
        Connection attempts.
    connections
        At the same time; two are needed, more are left over when a network changes.
    backlog
        Bytes that may have come over a connection without being read as frames: messages that never end.
    ban_s, longest_ban_s
        Seconds for which a peer is refused, the first time; each further time twice as long, up to the longest.
    """

    frames: Rate = Rate(500, 2000)
    bytes: Rate = Rate(_MIB, 8 * _MIB)
    relay: Rate = Rate(32 * _MIB, 128 * _MIB)
    bad: Rate = Rate(1 / 60, 20)
    handshakes: Rate = Rate(1, 30)
    connections: int = 4
    backlog: int = 64 * _MIB
    ban_s: float = 60.0
    longest_ban_s: float = 3600.0


LIMITS = Limits()
MAX_ASKED = 64 * WINDOW
"""Chunks of one peer that are remembered as asked for: 64 downloads at once, 128 MiB."""


class Bucket:
    """A budget that refills with time."""

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate, self._level, self._at = rate, rate.burst, now

    def take(self, amount: float, now: float) -> bool:
        """Charge ``amount``; return whether the budget held that much."""
        self._level = min(self._rate.burst, self._level + (now - self._at) * self._rate.per_second)
        self._at = now
        self._level -= amount
        return self._level >= 0

    def give(self, amount: float) -> None:
        """Take a charge back."""
        self._level += amount

    @property
    def flooded(self) -> bool:
        """Whether as much was charged too much as the budget ever holds."""
        return self._level <= -self._rate.burst


class Meter:
    """The budgets of what one member sends over one peer's link."""

    def __init__(self, limits: Limits, now: float) -> None:
        self._frames, self._bytes = Bucket(limits.frames, now), Bucket(limits.bytes, now)
        self._relay, self._bad = Bucket(limits.relay, now), Bucket(limits.bad, now)
        self._lied = False

    def frame(self, size: int, now: float) -> bool:
        """Charge a frame of ``size`` bytes; return whether it is to be read."""
        frames, octets = self._frames.take(1, now), self._bytes.take(size, now)
        return frames and octets

    def refund(self, size: int) -> None:
        """Take the charge of a frame back."""
        self._frames.give(1)
        self._bytes.give(size)

    def relay(self, size: int, now: float) -> bool:
        """Charge what it wants passed on; return whether to pass it on."""
        return self._relay.take(size, now)

    def bad(self, now: float) -> None:
        """Charge a frame that is no message or not its own."""
        self._lied |= not self._bad.take(1, now)

    @property
    def offence(self) -> str | None:
        """What it is to be cut off for, in words, or None."""
        if self._lied:
            return "it keeps sending frames that are no message of its own"
        if self._frames.flooded or self._bytes.flooded:
            return "it floods this centre with more than was asked for"
        if self._relay.flooded:
            return "it floods other members through this centre"
        return None


class Asked:
    """Chunks that were asked of one member and did not come yet."""

    def __init__(self) -> None:
        self._chunks: dict[tuple[bytes, int], None] = {}

    def ask(self, root: bytes, indices: Iterable[int]) -> None:
        """Note chunks that were asked for; of very many, the oldest are forgotten."""
        for index in indices:
            self._chunks.pop((root, index), None)
            self._chunks[root, index] = None
        while len(self._chunks) > MAX_ASKED:
            del self._chunks[next(iter(self._chunks))]

    def answer(self, root: bytes, index: int) -> bool:
        """Whether this chunk was asked for; it counts as come now."""
        return (root, index) in self._chunks and self._chunks.pop((root, index)) is None


class Bans:
    """Whose frames are refused over whose link, and until when."""

    def __init__(self, limits: Limits) -> None:
        self._first_s, self._longest_s = limits.ban_s, limits.longest_ban_s
        self._until: dict[tuple[int, int], tuple[float, float]] = {}

    def ban(self, author: int, link: int, now: float) -> float:
        """Refuse a member from now on; return for how many seconds."""
        until, seconds = self._until.get((author, link), (0.0, 0.0))
        again = seconds and now - until < self._longest_s
        seconds = min(self._longest_s, 2 * seconds) if again else self._first_s
        self._until[author, link] = (now + seconds, seconds)
        return seconds

    def banned(self, author: int, link: int, now: float) -> bool:
        """Whether a member is refused now."""
        return (author, link) in self._until and now < self._until[author, link][0]

    def forget(self, index: int) -> None:
        """Let a member begin anew: it is another one, or has other keys."""
        self._until = {pair: until for pair, until in self._until.items() if index not in pair}
