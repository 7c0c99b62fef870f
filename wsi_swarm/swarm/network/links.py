"""Links between peers: ZeroMQ with CURVE. One ROUTER to be dialled at, one DEALER per peer that can be dialled.

Whoever is not an active member on the chain does not get past the handshake (ZAP); whoever is removed is disconnected.
Each frame is signed besides, and the signer must be the member to whom the CURVE key belongs. Every connection carries
frames both ways, so a member that may only dial out is answered over its own connection; two that cannot reach each
other at all are served by a third that reaches both. ZeroMQ's own queues are kept short and may drop: nothing here is
trusted to arrive, the protocol asks again.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from wsi_swarm.errors import SetupError
from wsi_swarm.swarm.ledger.typed_data import endpoint_hash
from wsi_swarm.swarm.network.address import bind_address
from wsi_swarm.swarm.network.connections import Connections
from wsi_swarm.swarm.network.gate import Verdict
from wsi_swarm.swarm.network.intake import Heard, Intake, PassOn
from wsi_swarm.swarm.network.limits import LIMITS, Limits
from wsi_swarm.swarm.network.peers import Local, Peer, Traffic
from wsi_swarm.swarm.network.routes import Routes
from wsi_swarm.swarm.network.sockets import Sockets
from wsi_swarm.swarm.network.speaker import Speaker
from wsi_swarm.swarm.protocol.message import Beat, Message, WantChunks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Links", "Local", "Peer", "Traffic", "bind_address"]

log = logging.getLogger(__name__)

LOST_BEATS = 4
"""Heartbeats of silence after which a way counts as gone, and is made anew if this member made it.

A peer that refused the handshake (it had not seen this member on the chain yet) is not dialled again by ZeroMQ.
"""
CHECK_S = 0.25
"""Between two looks at what connections have received."""


class Links:
    """All links of one member.

    Parameters
    ----------
    local
        Who this is.
    heartbeat_s, connect_s
        Seconds between beats, and until a connection attempt or handshake is given up.
    peers
        See ``set_peers``.
    on_message
        Called in the event loop with ``(sender index, round, message)`` for each authentic message but heartbeats.
    on_trouble
        Called in the event loop with ``(index, text)`` for what a person should know about a peer.
    limits
        What peers may send.
    """

    def __init__(
        self,
        local: Local,
        heartbeat_s: float,
        connect_s: float,
        peers: Mapping[int, Peer],
        on_message: Callable[[int, int, Message], None],
        on_trouble: Callable[[int, str], None] | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self._local, self._heartbeat_s, self._connect_s = local, heartbeat_s, connect_s
        self._on_message = on_message
        self._on_trouble = _log_trouble if on_trouble is None else on_trouble
        patience_s = LOST_BEATS * heartbeat_s
        self.traffic = Traffic()
        self.heard_at: dict[int, float] = {}
        self._peers = dict(peers)
        self._routes = Routes(local.index, patience_s)
        self._connections = Connections(limits.connections, limits.backlog, connect_s + patience_s)
        self._intake = Intake(local, limits, self.traffic, self._cut_off, self._on_trouble)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Links:
        """Listen.

        Raises
        ------
        SetupError
            If the address cannot be bound.
        """
        loop = self._loop = asyncio.get_running_loop()
        self._broken: asyncio.Future[None] = loop.create_future()
        self._sockets = Sockets(
            self._local,
            self._heartbeat_s,
            self._connect_s,
            LOST_BEATS * self._heartbeat_s,
            self._admit,
            self._hear,
            lambda: self._speaker.flush(),
        )
        self._speaker = Speaker(self._local, self._routes, self.traffic, self._sockets.send, loop.time)
        if self._local.endpoint:
            try:
                self._sockets.listen()
            except SetupError:
                await self.__aexit__()
                raise
        self.set_peers(self._peers)
        self._tasks = [asyncio.create_task(self._beat()), asyncio.create_task(self._check_connections())]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Say what is still in the queues (for a second at most) and close."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._sockets.close()

    def set_peers(self, peers: Mapping[int, Peer]) -> None:
        """Take over who is an active member besides this one. Links to others are cut at once, both ways."""
        gone = [index for index, peer in self._peers.items() if _key_of(peers.get(index)) != peer.curve_key]
        for index in gone:
            self._disconnect(index)
            self._intake.forget(index)
            self.heard_at.pop(index, None)
        for index, peer in peers.items():
            known = self._peers.get(index)
            endpoint = peer.endpoint or (known.endpoint if known and index not in gone else None)
            self._peers[index] = replace(peer, endpoint=endpoint)
        for index in gone:
            if index not in peers:
                del self._peers[index]
        self._intake.peers = self._peers
        for index in self._peers:
            self._dial(index)

    def send(self, to: int, round_: int, message: Message) -> None:
        """Send, over another member if need be, or drop it if the peer is not there or does not keep up."""
        if isinstance(message, WantChunks):
            self._intake.asked(to, message.root, message.indices)
        self._speaker.say(to, round_, message)

    def reachable(self) -> frozenset[int]:
        """Return the peers from whom something came lately without another one passing it on."""
        return self._routes.direct(self._loop.time())

    def cut_off(self, index: int, why: str) -> None:
        """Disconnect a peer and refuse it for a while."""
        self._cut_off(index, index, why)

    async def failure(self) -> None:
        """Wait for ever, or until the links or whoever takes the messages cannot go on: then raise why."""
        await asyncio.gather(self._broken, *self._tasks)

    # Making and cutting links --------------------------------------------------------------------------------------

    def _dial(self, index: int) -> None:
        peer, now = self._peers[index], self._loop.time()
        if not peer.endpoint or peer.dials_only or self._intake.bans.banned(index, index, now):
            return
        if self._sockets.dial(index, peer.endpoint, peer.curve_key):
            self._routes.to(index).dialled_at = now

    def _disconnect(self, index: int) -> None:
        self._sockets.hang_up(index)
        for number in self._connections.of(index):
            self._sockets.shut(number)
        self._routes.forget(index)
        self._speaker.forget(index)

    def _cut_off(self, author: int, link: int, why: str) -> None:
        seconds = self._intake.bans.ban(author, link, self._loop.time())
        self._intake.begin_anew(author)
        over = "" if author == link else f" over member {link}"
        if author == link:
            self._disconnect(author)
        self._on_trouble(author, f"{why}; it is cut off{over} for {seconds:g} s")

    def _admit(self, key: bytes) -> Verdict:
        index, now = self._owner(key), self._loop.time()
        verdict = self._intake.admit(index, now)
        if index is not None and verdict is Verdict.YES:
            self._connections.admitted(index, now)
        return verdict

    def _owner(self, who: bytes | int) -> int | None:
        return next((peer.index for peer in self._peers.values() if who in (peer.curve_key, peer.index)), None)

    # Hearing -------------------------------------------------------------------------------------------------------

    def _hear(self, who: bytes | int, parts: Sequence[bytes], connection: int, identity: bytes | None) -> None:
        now = self._loop.time()
        link = self._owner(who)
        if link is None:  # removed
            self._sockets.shut(connection)
            return
        for part in parts:
            self._connections.read(connection, link, len(part), now)
        outcome = self._intake.take(link, parts, now)
        if identity is not None and not self._intake.bans.banned(link, link, now):
            self._routes.to(link).identity = identity  # so that even one that is refused is told why
        match outcome:
            case PassOn(author, to, frame):
                self._routes.heard(author, now)
                if to in self._peers:
                    self._speaker.pass_on(to, frame)
            case Heard():
                self._take(link, outcome, now)
            case None:
                pass

    def _take(self, link: int, heard: Heard, now: float) -> None:
        self._routes.heard(link, now)
        self.heard_at[heard.author] = now
        if not isinstance(heard.message, Beat):
            try:
                self._on_message(heard.author, heard.round, heard.message)
            except Exception as error:  # noqa: BLE001 (handed over to whoever waits for a failure)
                if not self._broken.done():
                    self._broken.set_exception(error)
            return
        self._learn_endpoint(heard.author, heard.message.endpoint)
        if heard.direct:
            way = self._routes.to(link)
            way.reaches = heard.message.reaches
            way.hears_at = now if heard.message.hears else way.hears_at

    def _learn_endpoint(self, index: int, endpoint: str) -> None:
        peer = self._peers[index]
        if peer.endpoint is None and endpoint_hash(endpoint) == peer.endpoint_hash:
            self._peers[index] = replace(peer, endpoint=endpoint)
            self._dial(index)

    # Again and again -----------------------------------------------------------------------------------------------

    async def _beat(self) -> None:
        due = self._loop.time()
        while True:
            now = self._loop.time()
            reaches = self._routes.direct(now)
            for index in list(self._peers):
                if now - due <= self._heartbeat_s:  # else this member itself was away and has not heard yet what came
                    self._judge_way(index, now)
                self._dial(index)
                self._speaker.say(index, 0, Beat(self._local.endpoint, index in reaches, reaches))
            self._speaker.flush()
            due = now + self._heartbeat_s
            await asyncio.sleep(self._heartbeat_s)

    def _judge_way(self, index: int, now: float) -> None:
        if self._routes.stalls(index, now):
            self._on_trouble(index, "it takes nothing any more though it speaks; its connections are made anew")
            self._disconnect(index)
        elif self._routes.is_deaf(index, now):
            self._sockets.hang_up(index)
        if not self._routes.is_direct(index, now):
            self._speaker.forget(index)

    async def _check_connections(self) -> None:
        while True:
            now, connections = self._loop.time(), self._connections
            connections.see(self._sockets.connections(connections.numbers()), now)
            for number in connections.swollen():
                member = connections.member(number)
                if member is not None and member in self._peers:
                    self.cut_off(member, "it sends messages that do not end")
                self._sockets.shut(number)
            for number in connections.surplus(now):
                self._sockets.shut(number)
            await asyncio.sleep(CHECK_S)


def _log_trouble(index: int, text: str) -> None:
    log.warning("member %d: %s", index, text)


def _key_of(peer: Peer | None) -> bytes | None:
    return peer.curve_key if peer is not None else None
