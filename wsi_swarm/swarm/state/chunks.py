"""Content addressing: a blob is cut into chunks, and the Merkle root over the chunks is its name.

The tree is the one of RFC 6962 (Certificate Transparency): leaves and nodes are hashed under different prefixes,
so that a node can't be passed off as a leaf, and an odd node moves up unhashed, so that no two lists share a root.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from wsi_swarm.errors import IntegrityError

CHUNK_BYTES = 256 * 1024
"""Length of every chunk but the last."""

MAX_CHUNKS = 1 << 14
"""Longest manifest that is read from a peer: 4 GiB of model."""


@dataclass(frozen=True)
class Manifest:
    """The leaves of a blob's tree: enough to check each chunk by itself.

    Attributes
    ----------
    size
        Length of the blob in bytes.
    leaves
        SHA-256 leaf hash of each chunk, 32 bytes each.
    """

    size: int
    leaves: tuple[bytes, ...]

    def __post_init__(self) -> None:
        whole = len(self.leaves) == max(1, -(-self.size // CHUNK_BYTES))
        if self.size < 0 or not whole or len(self.leaves) > MAX_CHUNKS or any(len(leaf) != 32 for leaf in self.leaves):
            msg = f"a manifest of {len(self.leaves)} hashes does not describe {self.size} bytes; ask another peer"
            raise IntegrityError(msg)

    @property
    def root(self) -> bytes:
        """Merkle root over the leaves, 32 bytes."""
        level = list(self.leaves)
        while len(level) > 1:
            paired = [_hash(b"\x01", level[i] + level[i + 1]) for i in range(0, len(level) - 1, 2)]
            level = paired + level[len(paired) * 2 :]
        return level[0]

    def length(self, index: int) -> int:
        """Length in bytes of the chunk at ``index``."""
        return min(CHUNK_BYTES, self.size - index * CHUNK_BYTES)

    def accepts(self, index: int, chunk: bytes) -> bool:
        """Whether ``chunk`` is the one at ``index``."""
        in_range = 0 <= index < len(self.leaves)
        return in_range and len(chunk) == self.length(index) and _hash(b"\x00", chunk) == self.leaves[index]


def split(blob: bytes) -> list[bytes]:
    """Cut ``blob`` into its chunks; an empty blob is one empty chunk."""
    return [blob[start : start + CHUNK_BYTES] for start in range(0, max(1, len(blob)), CHUNK_BYTES)]


def manifest_of(blob: bytes) -> Manifest:
    """Hash every chunk of ``blob``."""
    return Manifest(len(blob), tuple(_hash(b"\x00", chunk) for chunk in split(blob)))


def root_of(blob: bytes) -> bytes:
    """Merkle root of ``blob``, 32 bytes: the name under which peers and the chain know it."""
    return manifest_of(blob).root


def _hash(prefix: bytes, data: bytes) -> bytes:
    digest = hashlib.sha256(prefix)
    digest.update(data)
    return digest.digest()
