"""Who is at the ends of the links, as values."""

from __future__ import annotations

from dataclasses import dataclass

from wsi_swarm.swarm.ledger.typed_data import endpoint_hash
from wsi_swarm.swarm.network.address import DIAL_ONLY

_DIAL_ONLY_HASH = endpoint_hash(DIAL_ONLY)


@dataclass(frozen=True, slots=True)
class Peer:
    """A member as the links need it; ``endpoint`` is None until somebody told it and its hash matched the chain's."""

    index: int
    account: str
    curve_key: bytes
    endpoint_hash: bytes
    endpoint: str | None

    @property
    def dials_only(self) -> bool:
        """Whether the chain says that nobody can dial it."""
        return self.endpoint_hash == _DIAL_ONLY_HASH


@dataclass(frozen=True, slots=True)
class Local:
    """The own member.

    Attributes
    ----------
    key, curve_public, curve_secret
        32 bytes each; the first signs messages.
    endpoint
        What peers dial; empty if nobody can dial this member.
    bind
        Where to listen; empty for nowhere.
    run, config_hash
        What its messages are about.
    socks
        ``HOST:PORT`` of a SOCKS5 proxy through which peers are dialled; empty for none.
    """

    index: int
    key: bytes
    curve_public: bytes
    curve_secret: bytes
    endpoint: str
    bind: str
    run: int
    config_hash: bytes
    socks: str = ""


@dataclass
class Traffic:
    """What went over the links since the start; all but the bytes are frames.

    Attributes
    ----------
    dropped
        Not sent because nobody was there or did not keep up, or not read because a peer sent more than it may.
    bad
        No message, or not the member's own.
    refused
        Of another protocol version, run or configuration, or from a peer that is cut off.
    relayed
        Passed on for two members that cannot reach each other.
    """

    bytes_in: int = 0
    bytes_out: int = 0
    dropped: int = 0
    bad: int = 0
    refused: int = 0
    relayed: int = 0
