"""Who is heard directly, who hears this member, and who could pass something on: pure, told the time by its caller."""

from __future__ import annotations

from dataclasses import dataclass, field

NEVER = float("-inf")


@dataclass
class Way:
    """What is known of the way to one peer; times in seconds.

    Attributes
    ----------
    identity
        By which the own ROUTER knows the connection that the peer made, if it made one.
    direct_at
        When something came straight from it.
    hears_at
        When it last said that it hears this member.
    dialled_at
        When it was last dialled.
    full_since
        Since when it has taken nothing, while it was there.
    reaches
        Members that it says it reaches directly.
    """

    identity: bytes | None = None
    direct_at: float = NEVER
    hears_at: float = NEVER
    dialled_at: float | None = None
    full_since: float | None = None
    reaches: frozenset[int] = field(default_factory=frozenset[int])


_NO_WAY = Way()


class Routes:
    """The ways to all peers.

    Parameters
    ----------
    me
        Own member index.
    patience_s
        Silence after which a way counts as gone.
    """

    def __init__(self, me: int, patience_s: float) -> None:
        self._me, self._patience_s = me, patience_s
        self._ways: dict[int, Way] = {}

    def to(self, index: int) -> Way:
        """Return the way to a peer, which may be changed."""
        return self._ways.setdefault(index, Way())

    def forget(self, index: int) -> None:
        """Forget everything about a peer."""
        self._ways.pop(index, None)

    def heard(self, index: int, now: float) -> None:
        """Note that something came straight from a peer."""
        self.to(index).direct_at = now

    def is_direct(self, index: int, now: float) -> bool:
        """Whether something came straight from this peer lately."""
        return now - self._ways.get(index, _NO_WAY).direct_at <= self._patience_s

    def direct(self, now: float) -> frozenset[int]:
        """Return all from whom something came straight lately; any thread may ask."""
        return frozenset(index for index in tuple(self._ways) if self.is_direct(index, now))

    def relays(self, to: int, now: float) -> list[int]:
        """Return who could pass something on, the one to begin with first.

        Both ends of a pair begin with the same one, and different pairs with different ones.
        """
        able = sorted(index for index in self.direct(now) if index != to and to in self._ways[index].reaches)
        first = (self._me + to) % max(1, len(able))
        return able[first:] + able[:first]

    def is_deaf(self, index: int, now: float) -> bool:
        """Whether a dialled peer has not said for long that it hears this member: it is to be dialled anew."""
        way = self.to(index)
        return way.dialled_at is not None and now - max(way.hears_at, way.dialled_at) > self._patience_s

    def sent(self, index: int, now: float, taken: bool) -> None:
        """Note whether a peer's queue took a frame; if it is away, there is none."""
        way = self.to(index)
        if taken or not self.is_direct(index, now):
            way.full_since = None
        elif way.full_since is None:
            way.full_since = now

    def stalls(self, index: int, now: float) -> bool:
        """Whether a peer speaks but has taken nothing for long."""
        since = self.to(index).full_since
        return since is not None and now - since > self._patience_s and self.is_direct(index, now)
