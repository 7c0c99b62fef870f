"""The TCP connections under the links, by file descriptor: which of them are to be shut. Pure, told the time.

ZeroMQ itself can neither drop a connection nor limit how many a peer makes, and what it collects of a message in many
parts that never ends is in no queue and under no high-water mark. What a connection has received (the kernel counts it)
minus what was read from it as frames is what waits in memory because of it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_HANDSHAKE_BYTES = 4096


class Seen(NamedTuple):
    """A connection as the system shows it: its inode, which no other one has, and how many bytes it has received."""

    inode: int
    received: int


@dataclass
class Connection:
    """One connection; ``member`` is known from the first frame that came over it."""

    opened_at: float
    inode: int | None = None
    received: int = 0
    member: int | None = None
    read: int = 0


class Connections:
    """All connections that peers made, and of the own those over which something came.

    Parameters
    ----------
    at_most
        For each member.
    backlog
        Bytes that may wait because of one connection.
    patience_s
        Seconds after which a connection that brought no frame is shut.
    """

    def __init__(self, at_most: int, backlog: int, patience_s: float) -> None:
        self._at_most, self._backlog, self._patience_s = at_most, backlog, patience_s
        self._open: dict[int, Connection] = {}
        self._admitted: deque[tuple[float, int]] = deque(maxlen=4096)

    def admitted(self, member: int, now: float) -> None:
        """Note that a member got past the handshake, over a connection that is not known."""
        self._admitted.append((now, member))

    def see(self, seen: Mapping[int, Seen], now: float) -> None:
        """Take over which connections there are now, by file descriptor."""
        self._open = {n: one for n, one in self._open.items() if n in seen and one.inode in (None, seen[n].inode)}
        for number, (inode, size) in seen.items():
            connection = self._open.setdefault(number, Connection(now))
            connection.inode, connection.received = inode, size

    def read(self, number: int, member: int, size: int, now: float) -> None:
        """Note a frame of ``size`` bytes from a member."""
        connection = self._open.setdefault(number, Connection(now))
        connection.member = member
        connection.read += frame_bytes(size)

    def of(self, member: int) -> list[int]:
        """Return a member's connections, the oldest first."""
        mine = (number for number, one in self._open.items() if one.member == member)
        return sorted(mine, key=lambda number: self._open[number].opened_at)

    def numbers(self) -> list[int]:
        """Return all connections."""
        return list(self._open)

    def surplus(self, now: float) -> list[int]:
        """Return the connections that brought no frame in time, and the oldest where a member has too many."""
        silent = [n for n, one in self._open.items() if one.member is None and now - one.opened_at > self._patience_s]
        members = {one.member for one in self._open.values()} - {None}
        many = [number for member in members if member is not None for number in self.of(member)[: -self._at_most]]
        return silent + many

    def swollen(self) -> list[int]:
        """Return the connections over which more came than may wait to end in a frame."""
        limit = self._backlog + _HANDSHAKE_BYTES
        return [number for number, one in self._open.items() if one.received - one.read > limit]

    def member(self, number: int) -> int | None:
        """Return whose a connection is, if that is certain.

        Before anything was read from it, it is the one member's who got past the handshake at that time, if it was one.
        """
        if number not in self._open or self._open[number].member is not None:
            return self._open[number].member if number in self._open else None
        opened_at = self._open[number].opened_at
        suspects = {one for at, one in self._admitted if abs(at - opened_at) <= self._patience_s}
        return suspects.pop() if len(suspects) == 1 else None


def frame_bytes(size: int) -> int:
    """Return how many bytes a frame of ``size`` bytes is on the wire: ZMTP 3.1 with CURVE (RFC 23 and 26 of ZeroMQ).

    A MESSAGE command has 8 bytes of name, 8 of nonce, 16 of authenticator and 1 of flags; around it, flags and length.
    """
    command = size + 33
    return command + (2 if command <= 255 else 9)
