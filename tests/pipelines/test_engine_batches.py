"""Batches: order, padding, memory that runs out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipelines.engine.batches import Batcher
from pipelines.errors import SetupError


def draw(count: int, side: int = 20, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8))


@pytest.fixture
def short_of_memory(encoder):
    """Let the small network allocate, per tile, what only a few tiles may have together."""
    forward = type(encoder).__call__

    def limit_to(tiles: int):
        class Limited(type(encoder)):
            def __call__(self, batch: torch.Tensor) -> torch.Tensor:
                # More than any address space holds, when the batch is too large: the allocator's own refusal.
                torch.empty(2**58 if len(batch) > tiles else 1, dtype=torch.uint8)
                return forward(self, batch)

        return Limited()

    return limit_to


def encode(encoder, tiles: list[np.ndarray], batch_size: int) -> tuple[dict[int, np.ndarray], list[str], Batcher]:
    got: dict[int, np.ndarray] = {}
    said: list[str] = []
    batcher = Batcher(encoder, batch_size, lambda tag, vector: got.setdefault(tag, vector.copy()), said.append)
    for number, tile in enumerate(tiles):
        batcher.add(tile, number)
    batcher.finish()
    assert list(got) == list(range(len(tiles)))
    return got, said, batcher


def test_every_tile_gets_its_own_vector_whatever_the_batch(encoder) -> None:
    tiles = [*draw(9), *draw(5, side=30, seed=1), *draw(4, seed=2)]
    got, said, _ = encode(encoder, tiles, 4)
    for number, tile in enumerate(tiles):
        want = encoder(encoder.transform(torch.from_numpy(tile[None])))[0].numpy()
        np.testing.assert_allclose(got[number], want, rtol=1e-5, atol=1e-6)
    assert encoder.batches[:6] == [4] * 6
    assert not said


@pytest.mark.parametrize(("limit", "halvings", "size"), [(8, 1, 8), (5, 2, 4), (1, 4, 1)])
def test_a_batch_that_finds_no_memory_is_halved_said_and_gone_on_with(
    encoder, short_of_memory, limit: int, halvings: int, size: int
) -> None:
    tiles = draw(37)
    want, _, _ = encode(encoder, tiles, 16)
    got, said, batcher = encode(short_of_memory(limit), tiles, 16)
    assert batcher.batch_size == size
    assert len(said) == halvings
    assert said[0] == "no memory for 16 tiles at a time on cpu; going on with 8"
    for number in want:
        np.testing.assert_allclose(got[number], want[number], rtol=1e-5, atol=1e-6)


def test_an_odd_batch_loses_no_tile(encoder, short_of_memory) -> None:
    got, said, batcher = encode(short_of_memory(4), draw(20), 7)
    assert len(got) == 20
    assert (batcher.batch_size, len(said)) == (3, 1)


def test_no_memory_for_one_tile_is_the_end(short_of_memory) -> None:
    with pytest.raises(SetupError, match="not even one tile"):
        encode(short_of_memory(0), draw(5), 4)


def test_an_error_of_the_network_is_not_taken_for_want_of_memory(encoder) -> None:
    with pytest.raises(RuntimeError, match="expected input"):
        encode(encoder, [np.zeros((20, 20, 4), np.uint8)], 1)
