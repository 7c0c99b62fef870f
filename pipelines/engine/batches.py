"""Batches that cross slide borders, on the encoder's device, with one batch in flight."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Generic, TypeVar

import torch

from pipelines.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from pipelines.encoder import Encoder

Tag = TypeVar("Tag")


class Batcher(Generic[Tag]):
    """Collects uint8 tiles into full batches and hands each tile's vector back with the tag it came with.

    Parameters
    ----------
    encoder : what is run.
    batch_size : tiles per batch. The last batch is filled up with black, so that every tile is encoded by the same
        arithmetic and its vector does not depend on how many others there were. Halved, for good, each time that the
        device has no memory for a batch.
    store : called with (tag, (dim,) float32 vector) for every tile, in the order of ``add``.
    say : told in one sentence when the batch size is halved.
    """

    def __init__(
        self,
        encoder: Encoder,
        batch_size: int,
        store: Callable[[Tag, np.ndarray], None],
        say: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.batch_size = batch_size
        self._encoder, self._store, self._say = encoder, store, say
        self._cuda = encoder.device.type == "cuda"
        self._copies = torch.cuda.Stream(encoder.device) if self._cuda else None
        self._buffers: list[torch.Tensor] = []
        self._views: list[np.ndarray] = []
        self._turn = 0
        self._tags: list[Tag] = []
        self._in_flight: _Flight[Tag] | None = None

    def add(self, tile: np.ndarray, tag: Tag) -> None:
        """Take a (H, W, 3) uint8 tile."""
        shape = (self.batch_size, *tile.shape)
        if not self._buffers or self._views[0].shape != shape:
            self.finish()
            shape = (self.batch_size, *tile.shape)
            # Two, because the device may still be copying one while the other is filled.
            self._buffers = [torch.zeros(shape, dtype=torch.uint8, pin_memory=self._cuda) for _ in range(2)]
            self._views = [buffer.numpy() for buffer in self._buffers]
        self._views[self._turn][len(self._tags)] = tile
        self._tags.append(tag)
        if len(self._tags) == len(self._views[0]):
            self._submit()

    def finish(self) -> None:
        """Encode what is left."""
        if self._tags:
            self._views[self._turn][len(self._tags) :] = 0
            self._submit()
        self._collect()

    def _submit(self) -> None:
        tiles, tags = self._buffers[self._turn], self._tags
        self._turn, self._tags = 1 - self._turn, []
        self._encode(tiles, tags)

    def _encode(self, tiles: torch.Tensor, tags: list[Tag]) -> None:
        if len(tiles) <= self.batch_size:
            flight = self._launched(tiles, tags)
            # The previous batch is fetched only now, so that the device had this one to go on with.
            self._collect()
            if flight is not None:
                self._in_flight = flight
                return
            self._halve(len(tiles))
        step = self.batch_size
        for at in range(0, len(tags), step):
            part = tiles[at : at + step]
            if len(part) < step:
                part = torch.cat([part, part.new_zeros((step - len(part), *part.shape[1:]))])
            self._encode(part, tags[at : at + step])

    def _launched(self, tiles: torch.Tensor, tags: list[Tag]) -> _Flight[Tag] | None:
        try:
            return _Flight(tags, self._launch(tiles), self._encoder.device)
        except RuntimeError as error:  # torch.cuda.OutOfMemoryError is one
            if not _out_of_memory(error):
                raise
            return None

    def _launch(self, tiles: torch.Tensor) -> torch.Tensor:
        encoder = self._encoder
        with torch.inference_mode(), torch.cuda.device(encoder.device) if self._cuda else nullcontext():
            if self._copies is None:
                return encoder(encoder.transform(tiles.to(encoder.device))).float().cpu()
            # On a stream of its own, so that these tiles travel while the batch before them is computed.
            with torch.cuda.stream(self._copies):
                on_device = tiles.to(encoder.device, non_blocking=True)
            computing = torch.cuda.current_stream()
            computing.wait_stream(self._copies)
            on_device.record_stream(computing)
            vectors = encoder(encoder.transform(on_device)).float()
            host = torch.empty(vectors.shape, dtype=vectors.dtype, pin_memory=True)
            return host.copy_(vectors, non_blocking=True)

    def _halve(self, size: int) -> None:
        if self._cuda:
            torch.cuda.empty_cache()
        if size == 1:
            msg = f"not even one tile at a time fits into the memory of {self._encoder.device}; use a smaller encoder"
            raise SetupError(msg)
        self.batch_size = size // 2
        self._say(f"no memory for {size} tiles at a time on {self._encoder.device}; going on with {size // 2}")

    def _collect(self) -> None:
        flight, self._in_flight = self._in_flight, None
        if flight is not None:
            for tag, vector in zip(flight.tags, flight.vectors(), strict=False):
                self._store(tag, vector)


class _Flight(Generic[Tag]):
    """A batch that the device may still be working on."""

    def __init__(self, tags: list[Tag], vectors: torch.Tensor, device: torch.device) -> None:
        self.tags = tags
        self._vectors = vectors
        self._arrived = torch.cuda.Event() if device.type == "cuda" else None
        if self._arrived is not None:
            self._arrived.record(torch.cuda.current_stream(device))

    def vectors(self) -> np.ndarray:
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._vectors.numpy()


def _out_of_memory(error: RuntimeError) -> bool:
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return True
    # Neither the CPU's allocator nor CUDA's libraries have an exception of their own for it.
    signs = ("not enough memory", "can't allocate memory", "out of memory", "STATUS_ALLOC_FAILED")
    return any(sign in str(error) for sign in signs)
