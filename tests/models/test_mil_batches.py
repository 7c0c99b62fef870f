"""Packed batches, mapped bags, and the reader that runs ahead."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from models.bags import Bag, MappedRows, data_sha256, load_bag
from models.cohort import load_cohort
from models.hyperparameters import Hyperparameters
from models.mil_batches import Packing, bag_batches, tile_batches
from models.mil_learner import MilLearner, spec_for
from models.prefetch import prefetched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_packing_converts_every_value_and_leaves_the_batches_ahead_alone(dtype: torch.dtype) -> None:
    rng = np.random.default_rng(0)
    packing, made = Packing(CPU, dtype), []
    for _ in range(3 * Packing.KEPT):
        parts = [rng.normal(size=(n, 5)).astype(np.float16) for n in rng.integers(1, 150, 3)]
        made.append((packing.pack(parts), torch.from_numpy(np.concatenate(parts)).to(dtype)))
        for found, expected in made[-Packing.KEPT :]:
            assert torch.equal(found, expected)


def test_mapped_bags_are_the_bags_that_are_read(planted_centre: Callable) -> None:
    centre = planted_centre("A", 6, 1)
    cohort = load_cohort(centre.clini, centre.slides, centre.features, ["MSI"])
    for patient in cohort.patients:
        mapped, read = load_bag(patient, mapped=True), load_bag(patient)
        assert isinstance(mapped.tiles, MappedRows)
        assert all(isinstance(part, np.memmap) for part in mapped.tiles.parts)
        assert (mapped.tiles.whole() == read.tiles).all()
        for cap in (1, 7, 10_000):
            first, second = (bag.take(cap, np.random.default_rng(cap)) for bag in (mapped, read))
            assert np.array_equal(first, second)
        row = np.zeros((1, 1), np.float32)
        assert data_sha256([mapped], row) == data_sha256([read], row)
    learner = MilLearner(cohort, spec_for(cohort, 16, 8))
    in_memory = MilLearner.from_bags([load_bag(p) for p in cohort.patients], learner.labels, learner.spec)
    states = [one.train(one.initial_state(0), 0, 1, 5, 0).state for one in (learner, in_memory)]
    assert all(states[0][name].tobytes() == states[1][name].tobytes() for name in states[0])


def test_a_cap_holds_in_every_batch_and_single_tiles_carry_their_patients_label() -> None:
    bags = [Bag(str(i), np.full((n, 2), i, np.float16)) for i, n in enumerate((3, 50, 500))]
    labels = np.arange(3, dtype=np.float32)[:, None]
    rng, settings = np.random.default_rng(0), Hyperparameters(bag_tiles=20, batch_patients=2, batch_tiles=9)
    for batch in bag_batches(bags, labels, settings, 6, rng, Packing(CPU, torch.float32)):
        assert max(batch.lengths) <= 20
        assert len(batch.tiles) == sum(batch.lengths)
    seen = [b.tiles[:, 0].clone() for b in tile_batches(bags, labels, settings, 4, rng, Packing(CPU, torch.float32))]
    assert np.bincount(torch.cat(seen).int().numpy())[1:].max() <= 20
    for batch in tile_batches(bags, labels, settings, 4, rng, Packing(CPU, torch.float32)):
        assert (batch.labels[:, 0] == batch.tiles[:, 0].numpy()).all()


def test_what_is_read_ahead_comes_in_order_and_ends_with_its_error() -> None:
    def failing() -> Iterator[int]:
        yield from range(5)
        raise ValueError("disk")

    ahead = prefetched(failing())
    assert [next(ahead) for _ in range(5)] == list(range(5))
    with pytest.raises(ValueError, match="disk"):
        next(ahead)
    assert list(prefetched(iter(range(50)), ahead=3)) == list(range(50))
    before = threading.active_count()
    endless = prefetched(iter(int, 1))
    next(endless)
    assert threading.active_count() == before + 1
    endless.close()
    assert threading.active_count() == before
