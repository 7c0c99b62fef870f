"""Fetching one blob by its root, from whoever has it: pure, one source at a time, each chunk checked as it comes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wsi_swarm.swarm.protocol.message import WINDOW, Chunk, Lack, Message, Offer, WantChunks, WantManifest

if TYPE_CHECKING:
    from wsi_swarm.swarm.state.chunks import Manifest


@dataclass
class Download:
    """A blob on its way here.

    Flow is pulled: at most ``WINDOW`` chunks are asked for and not yet here, so no source can be made to queue more.
    A source that is silent for ``patience_s`` seconds, lacks the blob or sends a wrong chunk loses its turn; when all
    lack it, the round of asking starts again after ``patience_s``.

    Parameters
    ----------
    root
        Merkle root of the blob.
    sources
        Member indices, the best one first.
    patience_s
        Seconds.
    manifest
        If it is known already; its root is ``root``.
    """

    root: bytes
    sources: list[int]
    patience_s: float
    manifest: Manifest | None = None
    liars: set[int] = field(default_factory=set[int])
    """Sources that sent something that does not hash to the root."""
    _chunks: dict[int, bytes] = field(default_factory=dict[int, bytes])
    _asked: set[int] = field(default_factory=set[int])
    _asked_manifest: bool = False
    _lacking: set[int] = field(default_factory=set[int])
    _turn: int = 0
    _heard_at: float | None = None
    _pause_until: float = float("-inf")

    @property
    def complete(self) -> bool:
        """Whether all chunks are here."""
        return self.manifest is not None and len(self._chunks) == len(self.manifest.leaves)

    def blob(self) -> bytes:
        """Return the blob, once complete."""
        return b"".join(self._chunks[index] for index in range(len(self._chunks)))

    def hear(self, sender: int, message: Message, now: float) -> None:
        """Take in an answer. A right chunk is welcome from anyone; a wrong one from whom it was asked is a lie."""
        match message:
            case Lack(root) if root == self.root and sender == self._source():
                self._lacking.add(sender)
                if self._lacking >= set(self._honest()):
                    self._lacking.clear()
                    self._pause_until = now + self.patience_s
                self._next_source()
            case Offer(manifest) if self.manifest is None and manifest.root == self.root:
                self.manifest, self._heard_at = manifest, now
            case Chunk(root, index, data) if root == self.root and self.manifest and index not in self._chunks:
                if self.manifest.accepts(index, data):
                    self._chunks[index] = data
                    self._asked.discard(index)
                    self._heard_at = now
                elif sender == self._source():
                    self.liars.add(sender)
                    self._next_source()
            case _:
                pass

    def requests(self, now: float) -> list[tuple[int, Message]]:
        """Return what to ask of whom now."""
        if self._heard_at is not None and now - self._heard_at > self.patience_s:
            self._next_source()
        source = self._source()
        if self.complete or now < self._pause_until or source is None:
            return []
        if self._heard_at is None:
            self._heard_at = now
        if self.manifest is None:
            if self._asked_manifest:
                return []
            self._asked_manifest = True
            return [(source, WantManifest(self.root))]
        missing = (i for i in range(len(self.manifest.leaves)) if i not in self._chunks and i not in self._asked)
        batch = tuple(index for index, _ in zip(missing, range(WINDOW - len(self._asked)), strict=False))
        self._asked.update(batch)
        return [(source, WantChunks(self.root, batch))] if batch else []

    def _honest(self) -> list[int]:
        return [source for source in self.sources if source not in self.liars]

    def _source(self) -> int | None:
        honest = self._honest()
        return honest[self._turn % len(honest)] if honest else None

    def _next_source(self) -> None:
        self._turn += 1
        self._heard_at = None
        self._asked.clear()
        self._asked_manifest = False
