"""Messages as signed bytes and back. Everything that comes from outside is checked here, once.

A frame is ``msgpack([body, signature])``; ``body`` is ``msgpack([version, run, config hash, round, sender, code,
fields])``. The signature (65 bytes, recoverable, with the member's Ethereum key) covers the very bytes of ``body``, so
two signed bodies that contradict each other are a proof that anybody can check.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, cast

import msgpack  # pyright: ignore[reportMissingTypeStubs]
from eth_hash.auto import keccak

from wsi_swarm.errors import IntegrityError, SwarmError
from wsi_swarm.swarm.ledger.typed_data import recover, sign
from wsi_swarm.swarm.protocol.message import (
    WINDOW,
    Attest,
    Beat,
    Chunk,
    Envelope,
    Evidence,
    Forward,
    Have,
    Lack,
    Message,
    Offer,
    Propose,
    Reveal,
    WantChunks,
    WantManifest,
    WantReveal,
)
from wsi_swarm.swarm.state.chunks import CHUNK_BYTES, MAX_CHUNKS, Manifest

VERSION = 3
"""Of the protocol; a peer with another one is refused with a sentence that says so."""

MAX_FRAME = max(CHUNK_BYTES, 32 * MAX_CHUNKS) + 4096
"""Longest frame in bytes that is read from its author."""

MAX_FORWARD = MAX_FRAME + 512
"""Longest frame in bytes that is read from a peer: one that it passes on."""

_DOMAIN = keccak(b"wsi-swarm peer message 1")


class BadMessageError(SwarmError):
    """A peer sent something that is no message of this run."""


class OtherVersionError(BadMessageError):
    """A peer speaks another version of the protocol, which is nobody's fault."""


def seal(envelope: Envelope, key: bytes) -> bytes:
    """Return the signed frame; ``key`` is the sender's 32-byte private key."""
    code, fields = _CODE[type(envelope.message)], _fields(envelope.message)
    body = _pack([VERSION, envelope.run, envelope.config_hash, envelope.round, envelope.sender, code, fields])
    return _pack([body, sign(key, _digest(body))])


def unseal(frame: bytes) -> tuple[Envelope, str]:
    """Read a frame; return the envelope and the account that signed it (whether it is the sender's: the caller checks).

    Raises
    ------
    BadMessageError
        If the frame is too long, malformed or not signed.
    OtherVersionError
        If it is of another protocol version.
    """
    body, signature = _bytes(), _bytes(65)
    try:
        raw_body, raw_signature = _list(_unpack(frame), 2)
        version, *rest = _list(_unpack(body(raw_body)))
        if _whole()(version) != VERSION:
            msg = f"it speaks protocol version {version} and this centre's software {VERSION}; update the older one"
            raise OtherVersionError(msg)
        run, config_hash, round_, sender, code, fields = rest
        kind, readers = _SCHEMA[_whole(2**16)(code)]
        values = [read(value) for read, value in zip(readers, _list(fields, len(readers)), strict=True)]
        message = kind(*values)
        envelope = Envelope(_whole()(run), _word(config_hash), _whole()(round_), _member(sender), message)
        account = recover(_digest(raw_body), signature(raw_signature))
    except (ValueError, KeyError, TypeError, IntegrityError, msgpack.UnpackException) as error:
        msg = f"a peer sent {len(frame)} bytes that are no message of this protocol ({error})"
        raise BadMessageError(msg) from error
    if account is None:
        msg = "a peer sent a message without a valid signature"
        raise BadMessageError(msg)
    return envelope, account


def _digest(body: bytes) -> bytes:
    return keccak(_DOMAIN + hashlib.sha256(body).digest())  # SHA-256 over a chunk is five times faster than keccak


def _pack(value: object) -> bytes:
    return cast("bytes", msgpack.packb(value, use_bin_type=True))  # pyright: ignore[reportUnknownMemberType]


def _unpack(data: bytes) -> Any:
    if len(data) > MAX_FORWARD:
        msg = "too long"
        raise ValueError(msg)
    return msgpack.unpackb(data, raw=False, strict_map_key=True, max_array_len=256, max_map_len=0, max_ext_len=0)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _fields(message: Message) -> list[object]:
    values = (getattr(message, name) for name in type(message).__slots__)
    return [_plain(value) for value in values]


def _plain(value: object) -> object:
    match value:
        case Manifest():
            return [value.size, b"".join(value.leaves)]
        case frozenset():
            return sorted(cast("frozenset[int]", value))
        case tuple():
            return list(cast("tuple[int, ...]", value))
        case _:
            return value


Reader = Callable[[Any], Any]


def _list(value: Any, length: int | None = None) -> list[Any]:
    if not isinstance(value, list) or (length is not None and len(cast("list[Any]", value)) != length):
        msg = "a list of another length was expected"
        raise TypeError(msg)
    return cast("list[Any]", value)


def _whole(below: int = 2**63) -> Reader:
    def read(value: Any) -> int:
        if type(value) is not int or not 0 <= value < below:
            msg = f"a number in 0..{below - 1} was expected"
            raise TypeError(msg)
        return value

    return read


def _bytes(length: int | None = None, at_most: int = MAX_FRAME) -> Reader:
    def read(value: Any) -> bytes:
        if not isinstance(value, bytes) or len(value) > at_most or (length is not None and len(value) != length):
            msg = "bytes of another length were expected"
            raise TypeError(msg)
        return value

    return read


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 256:
        msg = "a short text was expected"
        raise TypeError(msg)
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        msg = "true or false was expected"
        raise TypeError(msg)
    return value


_word = _bytes(32)
_member = _whole(256)


def _members(value: Any) -> frozenset[int]:
    return frozenset(_member(one) for one in _list(value))


def _window(value: Any) -> tuple[int, ...]:
    if len(_list(value)) > WINDOW:
        msg = f"at most {WINDOW} chunks may be asked for at once"
        raise TypeError(msg)
    return tuple(_whole(MAX_CHUNKS)(one) for one in _list(value))


def _manifest(value: Any) -> Manifest:
    size, leaves = _list(value, 2)
    joined = _bytes()(leaves)
    return Manifest(_whole()(size), tuple(joined[start : start + 32] for start in range(0, len(joined), 32)))


_SCHEMA: dict[int, tuple[Callable[..., Message], tuple[Reader, ...]]] = {
    0: (Beat, (_text, _truth, _members)),
    1: (Reveal, (_member, _whole(2**32), _word, _manifest)),
    2: (WantReveal, (_member,)),
    3: (WantManifest, (_word,)),
    4: (Offer, (_manifest,)),
    5: (WantChunks, (_word, _window)),
    6: (Chunk, (_word, _whole(MAX_CHUNKS), _bytes(at_most=CHUNK_BYTES))),
    7: (Lack, (_word,)),
    8: (Propose, (_members, _word, _bytes(65))),
    9: (Attest, (_members, _word, _bytes(65))),
    10: (Have, (_word,)),
    11: (Forward, (_member, _bytes())),
    12: (Evidence, (_member, _members, _word, _bytes(65))),
}
_CODE = {kind: code for code, (kind, _) in _SCHEMA.items()}
