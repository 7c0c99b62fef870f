"""ZAP (ZeroMQ's RFC 27): who gets past the handshake is asked here, for every connection."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import zmq

from wsi_swarm.swarm.network.wire import Context, Wire

if TYPE_CHECKING:
    from collections.abc import Callable


class Verdict(Enum):
    """The gate's answers: where ZeroMQ was told ``LATER`` it dials again by itself, where it was told ``NO`` not."""

    YES = b"200"
    LATER = b"300"
    NO = b"400"


class Gate:
    """Answers all ZAP requests of a context; to be made before any socket is bound.

    Parameters
    ----------
    admit
        Judges a CURVE key (32 bytes).
    """

    def __init__(self, context: Context, admit: Callable[[bytes], Verdict]) -> None:
        self._admit = admit
        socket = context.socket(zmq.ROUTER)
        socket.bind("inproc://zeromq.zap.01")
        self._wire = Wire(socket, self._answer)

    def close(self) -> None:
        """Answer no more."""
        self._wire.close()

    def _answer(self, parts: list[zmq.Frame]) -> None:
        origin, empty, version, request, _domain, _address, _identity, mechanism, *keys = (part.bytes for part in parts)
        known = mechanism == b"CURVE" and len(keys) == 1
        verdict = self._admit(keys[0]) if known else Verdict.NO
        user = keys[0].hex().encode() if known else b""
        self._wire.send(origin, empty, version, request, verdict.value, verdict.name.encode(), user, b"")


def key_of(frame: zmq.Frame) -> bytes:
    """Return the CURVE key of the connection over which a frame came: what the gate admitted."""
    return bytes.fromhex(str(frame.get("User-Id")))


def connection_of(frame: zmq.Frame) -> int:
    """Return the file descriptor of the connection over which a frame came."""
    return int(frame.get(zmq.SRCFD))
