"""The network between the members: loses, delays, repeats and cuts, and counts bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from wsi_swarm.swarm.network.codec import seal
from wsi_swarm.swarm.protocol.message import Chunk, Envelope, Message

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from wsi_swarm.swarm.simulation.clock import Clock


@dataclass(frozen=True)
class Cut:
    """No message passes between ``side`` and the others from ``start`` to ``end`` (seconds after the beginning).

    ``one_way`` cuts only what ``side`` sends.
    """

    start: float
    end: float
    side: frozenset[int]
    one_way: bool = False

    def stops(self, sender: int, to: int, passed: float) -> bool:
        """Whether a message sent now is lost."""
        if not self.start <= passed < self.end or (sender in self.side) == (to in self.side):
            return False
        return sender in self.side or not self.one_way


@dataclass(frozen=True)
class Weather:
    """How the network is until ``until`` (seconds after the beginning); afterwards only ``delay_s`` is left.

    Attributes
    ----------
    loss, duplicate, straggle
        Part of the messages that are lost, come twice, or come up to ``straggle_s`` late and so out of order.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    straggle: float = 0.0
    straggle_s: float = 0.0
    delay_s: tuple[float, float] = (0.005, 0.05)
    until: float = float("inf")
    cuts: tuple[Cut, ...] = ()

    @property
    def over(self) -> float:
        """When the last of it is felt."""
        rough = self.loss or self.duplicate or self.straggle
        return max([self.until + self.straggle_s if rough else 0.0, *(cut.end for cut in self.cuts)])


class Network:
    """Carries messages.

    Attributes
    ----------
    sent_bytes, received_bytes
        By member; counted only if ``count`` is set. Frames as the codec makes them, heartbeats of idle links not
        included.
    """

    def __init__(self, clock: Clock, chance: random.Random, weather: Weather, members: int, count: bool) -> None:
        self._clock, self._chance, self._weather, self._count = clock, chance, weather, count
        self.sent_bytes, self.received_bytes = [0] * members, [0] * members

    def carry(self, sender: int, to: int, message: Message, deliver: Callable[[], object]) -> None:
        """Take a message from ``sender``; ``deliver`` is called at its arrival, never, or twice."""
        weather, chance = self._weather, self._chance
        rough = self._clock.passed < weather.until
        if self._count:
            self.sent_bytes[sender] += frame_bytes(message)
        if any(cut.stops(sender, to, self._clock.passed) for cut in weather.cuts):
            return
        if rough and weather.loss and chance.random() < weather.loss:
            return
        copies = 2 if rough and weather.duplicate and chance.random() < weather.duplicate else 1
        for _ in range(copies):
            delay = chance.uniform(*weather.delay_s)
            if rough and weather.straggle and chance.random() < weather.straggle:
                delay += chance.uniform(0.0, weather.straggle_s)
            if self._count:
                self.received_bytes[to] += frame_bytes(message)
            self._clock.later(delay, deliver)


def frame_bytes(message: Message) -> int:
    """Return the length of the signed frame that carries a message."""
    if isinstance(message, Chunk):
        return len(message.data) + _frame_bytes(Chunk(bytes(32), message.index, b""))
    return _frame_bytes(message)


@lru_cache(maxsize=4096)
def _frame_bytes(message: Message) -> int:
    return len(seal(Envelope(1, bytes(32), 1, 255, message), bytes(31) + b"\1"))
