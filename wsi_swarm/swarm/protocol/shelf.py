"""What one member can serve: its own update, the round's updates that it holds, the last two final models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_swarm.swarm.protocol.message import Chunk, Lack, Offer, WantChunks, WantManifest
from wsi_swarm.swarm.state.chunks import CHUNK_BYTES, Manifest, manifest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsi_swarm.swarm.protocol.desk import Desk, OwnUpdate
    from wsi_swarm.swarm.state.encoding import FixedState


class Shelf:
    """Blobs by root.

    Attributes
    ----------
    models
        States by root; the base of the run is one of them once it is held.
    update
        The own update.
    served_at
        Local time at which somebody last asked for something.
    """

    def __init__(self, models: Sequence[FixedState], update: OwnUpdate | None) -> None:
        self.models: dict[bytes, FixedState] = {model.root: model for model in models}
        self.update = update
        self.served_at = 0.0
        self._blobs: dict[bytes, tuple[Manifest, bytes]] = {}

    def put(self, manifest: Manifest, blob: bytes) -> None:
        """Keep a peer's update of this round."""
        self._blobs[manifest.root] = (manifest, blob)

    def keep_models(self, *roots: bytes | None) -> None:
        """Forget all models but these, and all updates."""
        self.models = {root: model for root, model in self.models.items() if root in roots}
        self._blobs.clear()

    def serve(self, desk: Desk, to: int, wanted: WantManifest | WantChunks) -> None:
        """Answer a peer."""
        self.served_at = desk.now
        held = self._find(wanted.root)
        if held is None:
            desk.send(to, Lack(wanted.root))
            return
        manifest, blob = held
        match wanted:
            case WantManifest():
                desk.send(to, Offer(manifest))
            case WantChunks(root, indices):
                for index in indices:
                    if index < len(manifest.leaves):
                        desk.send(to, Chunk(root, index, blob[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]))

    def _find(self, root: bytes) -> tuple[Manifest, bytes] | None:
        if root not in self._blobs and self.update is not None and self.update.manifest.root == root:
            self._blobs[root] = (self.update.manifest, self.update.blob)
        elif root not in self._blobs and root in self.models:
            blob = self.models[root].to_bytes()
            self._blobs[root] = (manifest_of(blob), blob)
        return self._blobs.get(root)
