"""Links between peers: ZeroMQ with CURVE. One ROUTER to hear, one DEALER per peer to speak.

Whoever is not an active member on the chain does not get past the handshake (ZAP); whoever is removed is disconnected.
Each frame is signed besides, and the signer must be the member to whom the CURVE key belongs. ZeroMQ's own queues are
kept short and may drop: nothing here is trusted to arrive, the protocol asks again.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import zmq
import zmq.asyncio
from zmq.auth.asyncio import AsyncioAuthenticator
from zmq.utils import z85

from wsi_swarm.errors import ConfigError, SetupError
from wsi_swarm.swarm.ledger.typed_data import endpoint_hash
from wsi_swarm.swarm.network.codec import MAX_FRAME, BadMessageError, seal, unseal
from wsi_swarm.swarm.protocol.message import Beat, Envelope, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

QUEUE = 64
"""Frames that wait for one peer at most (16 MiB of chunks); more are dropped and asked for again."""
LOST_BEATS = 4
"""Heartbeats after which a link is made anew if the peer does not say that it hears this member.

A peer that refused the handshake (it had not seen this member on the chain yet) is not dialled again by ZeroMQ.
"""
MAX_BAD_FRAMES = 20
"""Frames that are no message, after which a peer is no longer listened to."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A member as the links need it; ``endpoint`` is None until somebody told it and its hash matched the chain's."""

    index: int
    account: str
    curve_key: bytes
    endpoint_hash: bytes
    endpoint: str | None


@dataclass(frozen=True, slots=True)
class Local:
    """The own member: keys, endpoint that peers dial, address to bind, and the run its messages are about."""

    index: int
    key: bytes
    curve_public: bytes
    curve_secret: bytes
    endpoint: str
    bind: str
    run: int
    config_hash: bytes


@dataclass
class Traffic:
    """What went over the links since the start."""

    bytes_in: int = 0
    bytes_out: int = 0
    dropped: int = 0
    bad: int = 0


def bind_address(endpoint: str) -> str:
    """Return where to listen for an endpoint such as ``tcp://host:5101``: there if it is an IP address, else anywhere.

    Raises
    ------
    ConfigError
        If the endpoint is not of this form.
    """
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = parts = None
    if parts is None or parts.scheme != "tcp" or not host or not port:
        msg = f"the endpoint '{endpoint}' is not of the form tcp://HOST:PORT; give the address at which peers reach you"
        raise ConfigError(msg)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"tcp://*:{port}"
    return f"tcp://[{address}]:{port}" if address.version == 6 else f"tcp://{address}:{port}"


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
    """

    def __init__(
        self,
        local: Local,
        heartbeat_s: float,
        connect_s: float,
        peers: Mapping[int, Peer],
        on_message: Callable[[int, int, Message], None],
    ) -> None:
        self._local, self._heartbeat_s, self._connect_s = local, heartbeat_s, connect_s
        self._on_message = on_message
        self.traffic = Traffic()
        self.heard_at: dict[int, float] = {}
        self._peers = dict(peers)
        self._heard_by: dict[int, float] = {}
        self._dialled_at: dict[int, float] = {}
        self._bad: dict[int, int] = {}
        self._dealers: dict[int, zmq.Socket[bytes]] = {}
        self._context = zmq.asyncio.Context()
        # The same context seen without asyncio: DEALERs only ever send, at once or not at all.
        self._speaking: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(self._context)  # pyright: ignore[reportUnknownMemberType]
        self._authenticator = AsyncioAuthenticator(self._context)
        self._router: zmq.asyncio.Socket | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Links:
        """Listen.

        Raises
        ------
        SetupError
            If the address cannot be bound.
        """
        self._authenticator.start()
        self._authenticator.configure_curve_callback(credentials_provider=self)
        try:
            self._listen()
        except SetupError:
            await self.__aexit__()
            raise
        self.set_peers(self._peers)
        self._tasks = [asyncio.create_task(self._hear()), asyncio.create_task(self._beat())]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Say what is still in the queues (for a second at most) and close."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._authenticator.stop()
        for dealer in self._dealers.values():
            dealer.close(linger=1000)
        if self._router is not None:
            self._router.close(linger=0)
        await asyncio.to_thread(self._context.term)

    def callback(self, domain: str, key: bytes) -> bool:
        """Tell ZAP whether the key (Z85) is that of an active member."""
        known = z85.decode(key) in {peer.curve_key for peer in self._peers.values()}
        if not known:
            log.warning("refused a connection: its CURVE key is no active member's")
        return known

    def set_peers(self, peers: Mapping[int, Peer]) -> None:
        """Take over who is an active member besides this one. Links to others are cut at once, both ways."""
        gone = [index for index, peer in self._peers.items() if _key_of(peers.get(index)) != peer.curve_key]
        for index, peer in peers.items():
            known = self._peers.get(index)
            endpoint = peer.endpoint or (known.endpoint if known and index not in gone else None)
            self._peers[index] = Peer(index, peer.account, peer.curve_key, peer.endpoint_hash, endpoint)
        for index in gone:
            self._hang_up(index)
            if index not in peers:
                del self._peers[index]
        if gone and self._router is not None:  # ZeroMQ can't drop one peer of a ROUTER: all come back through ZAP
            router, self._router = self._router, None
            router.close(linger=0)
        for index in self._peers:
            self._dial(index)

    def send(self, to: int, round_: int, message: Message) -> None:
        """Send, or drop it if the peer is not there or does not keep up."""
        dealer, local = self._dealers.get(to), self._local
        if dealer is None:
            self.traffic.dropped += 1
            return
        frame = seal(Envelope(local.run, local.config_hash, round_, local.index, message), local.key)
        try:
            dealer.send(frame, zmq.NOBLOCK)
            self.traffic.bytes_out += len(frame)
        except zmq.Again:
            self.traffic.dropped += 1

    async def failure(self) -> None:
        """Wait for ever, or until the links cannot go on (the port cannot be bound again): then raise why."""
        await asyncio.gather(*self._tasks)

    # Inside ------------------------------------------------------------------------------------------------------

    def _listen(self) -> zmq.asyncio.Socket:
        router = self._context.socket(zmq.ROUTER)
        self._secure(router)
        router.curve_server = True
        router.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME)
        router.setsockopt(zmq.RCVHWM, QUEUE)
        try:
            router.bind(self._local.bind)
        except zmq.ZMQError as error:
            router.close(linger=0)
            msg = f"cannot listen on {self._local.bind} ({error}); free the port or change the endpoint"
            raise SetupError(msg) from error
        self._router = router
        return router

    def _secure(self, socket: zmq.Socket[bytes] | zmq.asyncio.Socket) -> None:
        socket.setsockopt(zmq.CURVE_SECRETKEY, self._local.curve_secret)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self._local.curve_public)
        socket.setsockopt(zmq.HANDSHAKE_IVL, int(self._connect_s * 1000))
        socket.setsockopt(zmq.TCP_KEEPALIVE, 1)

    def _dial(self, index: int) -> None:
        peer = self._peers[index]
        if index in self._dealers or peer.endpoint is None:
            return
        dealer = self._speaking.socket(zmq.DEALER)
        self._secure(dealer)
        dealer.setsockopt(zmq.CURVE_SERVERKEY, peer.curve_key)
        dealer.setsockopt(zmq.CONNECT_TIMEOUT, int(self._connect_s * 1000))
        dealer.setsockopt(zmq.RECONNECT_IVL, 100)
        dealer.setsockopt(zmq.RECONNECT_IVL_MAX, max(100, int(self._heartbeat_s * 1000)))
        dealer.setsockopt(zmq.SNDHWM, QUEUE)
        dealer.setsockopt(zmq.IMMEDIATE, 1)
        dealer.connect(peer.endpoint)
        self._dealers[index] = dealer
        self._dialled_at[index] = asyncio.get_running_loop().time()

    def _hang_up(self, index: int) -> None:
        dealer = self._dealers.pop(index, None)
        if dealer is not None:
            dealer.close(linger=0)

    async def _hear(self) -> None:
        while True:
            router = self._router or await self._listen_again()
            try:
                frames = await router.recv_multipart(copy=False)
            except (zmq.ZMQError, asyncio.CancelledError):
                if self._router is router:
                    raise
                continue  # closed because a member was removed
            self._take_in(frames)

    async def _listen_again(self) -> zmq.asyncio.Socket:
        """Bind anew; ZeroMQ gives the port of a closed socket back a moment later."""
        give_up_at = asyncio.get_running_loop().time() + self._connect_s
        while True:
            try:
                return self._listen()
            except SetupError:
                if asyncio.get_running_loop().time() > give_up_at:
                    raise
                await asyncio.sleep(0.02)

    def _take_in(self, frames: list[zmq.Frame]) -> None:
        user = frames[-1].get("User-Id")
        peer = next((p for p in self._peers.values() if z85.encode(p.curve_key).decode() == user), None)
        if peer is None or self._bad.get(peer.index, 0) >= MAX_BAD_FRAMES:
            return
        data = frames[-1].bytes
        self.traffic.bytes_in += len(data)
        try:
            envelope = self._check(peer, data)
        except BadMessageError as error:
            self.traffic.bad += 1
            self._bad[peer.index] = self._bad.get(peer.index, 0) + 1
            log.warning("member %d: %s", peer.index, error)
            return
        self.heard_at[peer.index] = asyncio.get_running_loop().time()
        match envelope.message:
            case Beat(endpoint, hears):
                if hears:
                    self._heard_by[peer.index] = self.heard_at[peer.index]
                self._learn_endpoint(peer, endpoint)
            case message:
                self._on_message(peer.index, envelope.round, message)

    def _check(self, peer: Peer, data: bytes) -> Envelope:
        envelope, account = unseal(data)
        if account != peer.account or envelope.sender != peer.index:
            msg = f"a message says it is from member {envelope.sender} and is signed by {account}, on another's link"
            raise BadMessageError(msg)
        if envelope.config_hash != self._local.config_hash:
            msg = (
                f"it runs the configuration {envelope.config_hash.hex()[:12]} and this centre "
                f"{self._local.config_hash.hex()[:12]}; both must hold the identical run.toml"
            )
            raise BadMessageError(msg)
        if envelope.run != self._local.run:
            msg = f"it takes part in run {envelope.run} and this centre in run {self._local.run}"
            raise BadMessageError(msg)
        return envelope

    def _learn_endpoint(self, peer: Peer, endpoint: str) -> None:
        if peer.endpoint is None and endpoint_hash(endpoint) == peer.endpoint_hash:
            self._peers[peer.index] = Peer(peer.index, peer.account, peer.curve_key, peer.endpoint_hash, endpoint)
            self._dial(peer.index)

    async def _beat(self) -> None:
        while True:
            now = asyncio.get_running_loop().time()
            patience = LOST_BEATS * self._heartbeat_s
            for index in list(self._peers):
                if now - max(self._heard_by.get(index, 0.0), self._dialled_at.get(index, now)) > patience:
                    self._hang_up(index)
                    self._dial(index)
                hears = now - self.heard_at.get(index, float("-inf")) <= patience
                self.send(index, 0, Beat(self._local.endpoint, hears))
            await asyncio.sleep(self._heartbeat_s)


def _key_of(peer: Peer | None) -> bytes | None:
    return peer.curve_key if peer is not None else None
