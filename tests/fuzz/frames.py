"""Malformed frames by number: each one is made from its seed alone."""

from __future__ import annotations

import random
from dataclasses import replace

import msgpack
from eth_hash.auto import keccak

from wsi_swarm.swarm.ledger.typed_data import sign
from wsi_swarm.swarm.network.codec import MAX_FORWARD, VERSION, _digest, seal
from wsi_swarm.swarm.protocol.message import (
    WINDOW,
    Attest,
    Beat,
    Chunk,
    Envelope,
    Forward,
    Have,
    Lack,
    Offer,
    Propose,
    Reveal,
    WantChunks,
    WantManifest,
    WantReveal,
)
from wsi_swarm.swarm.state.chunks import CHUNK_BYTES, manifest_of


class Frames:
    """Makes frames that member ``sender`` with this key might send to do harm.

    Parameters
    ----------
    key, config_hash, run, sender
        Of a member, so that much gets past the signature.
    """

    def __init__(self, key: bytes, config_hash: bytes, run: int, sender: int) -> None:
        self._key, self._envelope = key, Envelope(run, config_hash, 3, sender, Have(bytes(32)))
        self.manifest = manifest_of(bytes(3 * CHUNK_BYTES))
        self._kinds = (
            *(self.noise, self.truncated, self.flipped, self.unsigned, self.mistyped, self.header),
            *(self.nested, self.crowded, self.wrong_root, self.cut_chunk, self.lying, self.wrapped),
        )

    def frame(self, seed: int) -> bytes:
        """Return the frame of this number; all kinds take turns."""
        draw = random.Random(seed)
        return self._kinds[seed % len(self._kinds)](draw)

    def noise(self, draw: random.Random) -> bytes:
        return draw.randbytes(draw.choice((0, 1, 2, 50, 500, draw.randrange(5000))))

    def truncated(self, draw: random.Random) -> bytes:
        whole = self._sealed(self._message(draw))
        return whole[: draw.randrange(len(whole))]

    def flipped(self, draw: random.Random) -> bytes:
        frame = bytearray(self._sealed(self._message(draw)))
        for _ in range(draw.choice((1, 1, 2, 20))):
            frame[draw.randrange(len(frame))] = draw.randrange(256)
        return bytes(frame) + draw.randbytes(draw.choice((0, 0, 5)))

    def unsigned(self, draw: random.Random) -> bytes:
        body, _ = msgpack.unpackb(self._sealed(self._message(draw)))
        return msgpack.packb([body, draw.randbytes(draw.choice((0, 64, 65, 66)))])

    def mistyped(self, draw: random.Random) -> bytes:
        """Signed properly, with values of other types and sizes in all places."""
        envelope = self._envelope
        body = [VERSION, envelope.run, envelope.config_hash, 3, envelope.sender, draw.randrange(14), []]
        body[-1] = [self._value(draw) for _ in range(draw.randrange(6))]
        for _ in range(draw.randrange(3)):
            body[draw.randrange(len(body))] = self._value(draw)
        return self._signed(msgpack.packb(body, default=str))

    def header(self, draw: random.Random) -> bytes:
        """A length that promises gigabytes."""
        start = draw.choice((b"\xdd", b"\xc6", b"\xdb", b"\xdf", b"\xc9", b"\xdc\xff\xff\xdd"))
        lie = start + draw.choice((b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x00\x10\x00\x00")) + draw.randbytes(9)
        return draw.choice((lie, b"\x92" + lie, self._signed(lie), self._signed(b"\x97\x03" + lie)))

    def nested(self, draw: random.Random) -> bytes:
        deep = draw.choice((b"\x91", b"\x81\xa1a", b"\x92\x90")) * draw.choice((30, 600, 5000, 100_000)) + b"\xc0"
        return draw.choice((deep, self._signed(deep)))

    def crowded(self, draw: random.Random) -> bytes:
        """Very many small values."""
        row = b"\xdc\x01\x00" + draw.choice((b"\x90", b"\xc0", b"\xa0")) * 256
        full = b"\xdc\x01\x00" + row * 256 if draw.random() < 0.03 else b"\xdc\x00\x08" + row * 8
        return draw.choice((full, self._signed(full), self._signed(row * 20)))

    def wrong_root(self, draw: random.Random) -> bytes:
        """Manifests whose leaves do not fit their size or root."""
        leaves = draw.randbytes(32 * draw.choice((0, 1, 2, 3, 100)) + draw.choice((0, 0, 1, 31)))
        manifest = [draw.choice((0, 1, 3 * CHUNK_BYTES, 2**40, -1, 2**63)), leaves]
        code, fields = draw.choice(((4, [manifest]), (1, [1, 0, bytes(32), manifest])))
        envelope = self._envelope
        body = [VERSION, envelope.run, envelope.config_hash, 3, envelope.sender, code, fields]
        return self._signed(msgpack.packb(body))

    def cut_chunk(self, draw: random.Random) -> bytes:
        """Chunks that are too short, too long or of another place."""
        size = draw.choice((0, 1, 1000, CHUNK_BYTES - 1, CHUNK_BYTES))
        return self._sealed(Chunk(self.manifest.root, draw.randrange(4), draw.randbytes(min(size, 2000))))

    def lying(self, draw: random.Random) -> bytes:
        """Whole messages with whatever in them, also of other rounds, runs and senders."""
        envelope = replace(self._envelope, message=self._message(draw), round=draw.choice((0, 3, 2**62)))
        if draw.random() < 0.3:
            envelope = replace(envelope, **draw.choice(({"run": 99}, {"sender": 7}, {"config_hash": bytes(32)})))
        return seal(envelope, self._key)

    def wrapped(self, draw: random.Random) -> bytes:
        """Any of the others, to be passed on or as if it had been."""
        inner = self._kinds[draw.randrange(len(self._kinds) - 1)](draw)
        return self._sealed(Forward(draw.choice((0, 2, 200)), inner))[: MAX_FORWARD + 1]

    # Parts of the above --------------------------------------------------------------------------------------------

    def _sealed(self, message) -> bytes:
        return seal(replace(self._envelope, message=message), self._key)

    def _signed(self, body: bytes) -> bytes:
        return msgpack.packb([body, sign(self._key, _digest(body))])

    def _message(self, draw: random.Random):
        word, some = draw.randbytes(32), frozenset(draw.sample(range(256), draw.randrange(5)))
        root = draw.choice((word, self.manifest.root))
        return draw.choice((
            Beat(draw.choice(("", "tcp://x:1", "ü" * 200)), draw.random() < 0.5, some),
            Reveal(draw.randrange(256), draw.randrange(2**32), word, self.manifest),
            WantReveal(draw.randrange(256)), WantManifest(root), Offer(self.manifest),
            WantChunks(root, tuple(draw.randrange(1 << 14) for _ in range(draw.randrange(WINDOW + 1)))),
            Chunk(root, draw.randrange(1 << 14), draw.randbytes(300)), Lack(root),
            Propose(some, word, draw.randbytes(65)), Attest(some, word, draw.randbytes(65)), Have(word),
            Forward(draw.randrange(256), draw.randbytes(100)),
        ))  # fmt: skip

    def _value(self, draw: random.Random) -> object:
        return draw.choice((
            None, True, -1, 0, 1, 255, 256, 2**63, 2**64 - 1, 1.5, float("nan"), "", "text" * 100, b"", bytes(31),
            bytes(32), bytes(33), bytes(65), [], [[]], [0] * 9, list(range(256)), [None, bytes(32)], keccak(b"x"),
        ))  # fmt: skip
