"""The ROUTER at which a member is dialled, its DEALERs, and the connections under them. No decision is made here."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Protocol

import zmq

from wsi_swarm.errors import SetupError
from wsi_swarm.swarm.network.codec import MAX_FORWARD
from wsi_swarm.swarm.network.gate import Gate, Verdict, connection_of, key_of
from wsi_swarm.swarm.network.tunnel import Tunnel
from wsi_swarm.swarm.network.wire import Context, Socket, Wire, connections, shut

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from wsi_swarm.swarm.network.connections import Seen
    from wsi_swarm.swarm.network.peers import Local

QUEUE = 32
"""Frames from one peer that wait to be read at most: 8 MiB of chunks."""
SENDING = 16
"""Frames for one peer that ZeroMQ holds at most: 4 MiB of chunks."""


class Hear(Protocol):
    """Takes the parts of a message: from the member with which CURVE key, or the dialled member of which index."""

    def __call__(self, who: bytes | int, parts: Sequence[bytes], connection: int, identity: bytes | None) -> None:
        """``identity`` is what to send to for an answer over a connection that the peer made."""
        ...


class Sockets:
    """All sockets of one member.

    Parameters
    ----------
    local
        Who this is.
    heartbeat_s, connect_s, patience_s
        Seconds between beats, until a connection attempt is given up, and until an unacknowledged one is dropped.
    admit
        Judges a CURVE key.
    hear
        Takes what comes.
    freed
        Called when something that was not sent before may find room now.
    """

    def __init__(
        self,
        local: Local,
        heartbeat_s: float,
        connect_s: float,
        patience_s: float,
        admit: Callable[[bytes], Verdict],
        hear: Hear,
        freed: Callable[[], None],
    ) -> None:
        self._local, self._hear, self._freed = local, hear, freed
        self._heartbeat_ms, self._connect_ms = int(1000 * heartbeat_s), int(1000 * connect_s)
        self._patience_ms = int(1000 * max(connect_s, patience_s))
        self.context: Context = zmq.Context()
        self.context.max_sockets = 4096
        self._dealers: dict[int, Wire] = {}
        self._tunnels: dict[int, Tunnel] = {}
        self._router: Wire | None = None
        self._port: int | None = None
        self._gate = Gate(self.context, admit)

    def listen(self) -> None:
        """Let peers dial this member.

        Raises
        ------
        SetupError
            If the address cannot be bound.
        """
        address = self._local.bind
        router = self._secured(zmq.ROUTER, address)
        router.setsockopt(zmq.CURVE_SERVER, 1)
        router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._router = Wire(router, self._from_router, self._freed)
        try:
            router.bind(address)
        except zmq.ZMQError as error:
            msg = f"cannot listen on {address} ({error}); free the port or change the endpoint"
            raise SetupError(msg) from error
        self._port = int(router.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])

    def dial(self, index: int, endpoint: str, curve_key: bytes) -> bool:
        """Connect to a peer; return whether that was still to be done."""
        if index in self._dealers:
            return False
        dealer = self._secured(zmq.DEALER, endpoint)
        dealer.setsockopt(zmq.CURVE_SERVERKEY, curve_key)
        dealer.setsockopt(zmq.CONNECT_TIMEOUT, self._connect_ms)
        dealer.setsockopt(zmq.RECONNECT_IVL, 100)
        dealer.setsockopt(zmq.RECONNECT_IVL_MAX, max(100, self._heartbeat_ms))
        dealer.setsockopt(zmq.IMMEDIATE, 1)
        if self._local.socks:
            tunnel = self._tunnels[index] = Tunnel(self._local.socks, endpoint, self._connect_ms / 1000)
            endpoint = tunnel.address
        self._dealers[index] = Wire(dealer, partial(self._from_dealer, index), self._freed)
        dealer.connect(endpoint)
        return True

    def hang_up(self, index: int) -> None:
        """Close the connection to a peer that this member made."""
        wire = self._dealers.pop(index, None)
        if wire is not None:
            wire.close()
        tunnel = self._tunnels.pop(index, None)
        if tunnel is not None:
            tunnel.close()

    def connections(self, others: Collection[int]) -> dict[int, Seen]:
        """Return the connections that peers made, and ``others`` if they are still there, by file descriptor."""
        return connections(self._port, others)

    def shut(self, connection: int) -> None:
        """Close a connection that a peer made."""
        shut(connection, self._port)

    def send(self, index: int, identity: bytes | None, frame: bytes) -> bool:
        """Send over the connection that was made to a peer or, failing that, the one that it made."""
        dealer = self._dealers.get(index)
        if dealer is not None and dealer.send(frame):
            return True
        return identity is not None and self._router is not None and self._router.send(identity, frame)

    async def close(self) -> None:
        """Close all; what is still to be sent may take a second."""
        for wire in (*self._dealers.values(), *([self._router] if self._router else [])):
            wire.close(linger_ms=1000)
        self._gate.close()
        await asyncio.to_thread(self.context.term)
        for tunnel in self._tunnels.values():
            tunnel.close()

    def _secured(self, kind: int, address: str) -> Socket:
        socket: Socket = self.context.socket(kind)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self._local.curve_secret)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self._local.curve_public)
        socket.setsockopt(zmq.HANDSHAKE_IVL, self._connect_ms)
        socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
        socket.setsockopt(zmq.TCP_MAXRT, self._patience_ms)
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_FORWARD)
        socket.setsockopt(zmq.RCVHWM, QUEUE)
        socket.setsockopt(zmq.SNDHWM, SENDING)
        socket.setsockopt(zmq.IPV6, int("[" in address))
        return socket

    def _from_router(self, parts: list[zmq.Frame]) -> None:
        identity, *rest = parts
        self._hear(key_of(rest[-1]), [part.bytes for part in rest], connection_of(rest[-1]), identity.bytes)

    def _from_dealer(self, index: int, parts: list[zmq.Frame]) -> None:
        self._hear(index, [part.bytes for part in parts], connection_of(parts[-1]), None)
