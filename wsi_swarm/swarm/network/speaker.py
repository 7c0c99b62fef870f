"""How a message gets to a peer: straight, over a third member, or later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_swarm.swarm.network.codec import seal
from wsi_swarm.swarm.network.outbox import Outbox
from wsi_swarm.swarm.protocol.message import Chunk, Envelope, Forward, Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from wsi_swarm.swarm.network.peers import Local, Traffic
    from wsi_swarm.swarm.network.routes import Routes

RELAYS = 2
"""Members that are asked in turn to pass something on."""
SEALED = 32
"""Chunks (8 MiB) that are kept as they were signed: all peers want the same ones at about the same time."""


class Speaker:
    """Seals and sends.

    Parameters
    ----------
    local, routes, traffic
        Who this is, which ways there are, where frames are counted.
    send
        Hands a frame for a peer to its socket, with the identity of the connection that the peer made if it made one;
        returns whether there was room.
    clock
        Seconds.
    """

    def __init__(
        self,
        local: Local,
        routes: Routes,
        traffic: Traffic,
        send: Callable[[int, bytes | None, bytes], bool],
        clock: Callable[[], float],
    ) -> None:
        self._local, self._routes, self.traffic, self._send, self._clock = local, routes, traffic, send, clock
        self._outbox = Outbox()
        self._sealed: dict[tuple[int, bytes, int], bytes] = {}

    def say(self, to: int, round_: int, message: Message) -> None:
        """Send, over another member if need be, or drop it if the peer is not there or does not keep up."""
        now, frame = self._clock(), self._seal(round_, message)
        relays = [] if self._routes.is_direct(to, now) else self._routes.relays(to, now)[:RELAYS]
        wrapped = self._seal(0, Forward(to, frame)) if relays else b""
        if not any(self._send_frame(relay, wrapped) for relay in relays) and not self._send_frame(to, frame):
            self.traffic.dropped += 1

    def pass_on(self, to: int, frame: bytes) -> None:
        """Send another member's frame to a peer that is reached directly."""
        if self._routes.is_direct(to, self._clock()):
            self.traffic.relayed += self._send_frame(to, self._seal(0, Forward(to, frame)))

    def flush(self) -> None:
        """Send what waits and finds room now."""
        self._outbox.flush(self._send_now)

    def forget(self, index: int) -> None:
        """Drop what waits for a peer."""
        self.traffic.dropped += self._outbox.forget(index)

    def _seal(self, round_: int, message: Message) -> bytes:
        key = (round_, message.root, message.index) if isinstance(message, Chunk) else None
        if key is not None and key in self._sealed:
            return self._sealed[key]
        local = self._local
        frame = seal(Envelope(local.run, local.config_hash, round_, local.index, message), local.key)
        if key is not None:
            self._sealed[key] = frame
            if len(self._sealed) > SEALED:
                del self._sealed[next(iter(self._sealed))]
        return frame

    def _send_frame(self, to: int, frame: bytes) -> bool:
        """Send, or keep it for a peer that is there and takes no more just now."""
        taken = not self._outbox.holds(to) and self._send_now(to, frame)
        return taken or (self._routes.is_direct(to, self._clock()) and self._outbox.put(to, frame))

    def _send_now(self, to: int, frame: bytes) -> bool:
        taken = self._send(to, self._routes.to(to).identity, frame)
        self._routes.sent(to, self._clock(), taken)
        if taken:
            self.traffic.bytes_out += len(frame)
        return taken
