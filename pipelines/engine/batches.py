"""Batches that cross slide borders, on the encoder's device, with one batch in flight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
import torch

from pipelines.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.encoder import Encoder

Tag = TypeVar("Tag")


class Batcher(Generic[Tag]):
    """Collects uint8 tiles into full batches and hands each tile's vector back with the tag it came with.

    Parameters
    ----------
    encoder : what is run.
    batch_size : tiles per batch. The last batch is filled up with black, so that every tile is encoded by the same
        arithmetic and its vector does not depend on how many others there were.
    store : called with (tag, (dim,) float32 vector) for every tile, in the order of ``add``.
    """

    def __init__(self, encoder: Encoder, batch_size: int, store: Callable[[Tag, np.ndarray], None]) -> None:
        self._encoder = encoder
        self._batch_size = batch_size
        self._store = store
        self._pinned = encoder.device.type == "cuda"
        self._buffers: list[torch.Tensor] = []
        self._turn = 0
        self._tags: list[Tag] = []
        self._in_flight: tuple[list[Tag], torch.Tensor] | None = None

    def add(self, tile: np.ndarray, tag: Tag) -> None:
        """Take a (H, W, 3) uint8 tile."""
        if not self._buffers or self._buffers[0].shape[1:] != tile.shape:
            self.finish()
            shape = (self._batch_size, *tile.shape)
            # Two, because the device may still be copying one while the other is filled.
            self._buffers = [torch.zeros(shape, dtype=torch.uint8, pin_memory=self._pinned) for _ in range(2)]
        self._buffers[self._turn][len(self._tags)] = torch.from_numpy(np.array(tile))
        self._tags.append(tag)
        if len(self._tags) == self._batch_size:
            self._submit()

    def finish(self) -> None:
        """Encode what is left."""
        if self._tags:
            self._buffers[self._turn][len(self._tags) :] = 0
            self._submit()
        self._collect()

    def _submit(self) -> None:
        tiles, tags = self._buffers[self._turn], self._tags
        self._turn, self._tags = 1 - self._turn, []
        try:
            with torch.inference_mode():
                on_device = tiles.to(self._encoder.device, non_blocking=self._pinned)
                vectors = self._encoder(self._encoder.transform(on_device))
        except torch.cuda.OutOfMemoryError as error:
            msg = f"a batch of {self._batch_size} tiles does not fit on {self._encoder.device}; lower --batch-size"
            raise SetupError(msg) from error
        # The previous batch is fetched only now, so that the device had this one to go on with.
        self._collect()
        self._in_flight = (tags, vectors)

    def _collect(self) -> None:
        if self._in_flight is None:
            return
        tags, vectors = self._in_flight
        self._in_flight = None
        for tag, vector in zip(tags, vectors.float().cpu().numpy(), strict=False):
            self._store(tag, vector)
