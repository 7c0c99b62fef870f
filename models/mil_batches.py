"""Mini-batches of packed bags, or of single tiles, drawn from seeded permutations."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.training import batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.bags import Bag
    from models.hyperparameters import Hyperparameters


class Batch(NamedTuple):
    """A mini-batch: (sum of lengths, D) tiles, tiles per bag, and (B, T) labels."""

    tiles: Tensor
    lengths: list[int]
    labels: np.ndarray


class Packing(NamedTuple):
    """Where and in which type the tiles are wanted."""

    device: torch.device
    dtype: torch.dtype


def bag_batches(
    bags: Sequence[Bag], labels: np.ndarray, h: Hyperparameters, steps: int, rng: np.random.Generator, packing: Packing
) -> Iterator[Batch]:
    """Yield ``steps`` batches of ``batch_patients`` bags, each cut to ``bag_tiles`` tiles."""
    for chosen in batches(len(bags), h.batch_patients, steps, rng):
        parts = [bags[index].take(h.bag_tiles, rng) for index in chosen]
        yield Batch(pack(parts, packing), [len(part) for part in parts], labels[chosen])


def tile_batches(
    bags: Sequence[Bag], labels: np.ndarray, h: Hyperparameters, steps: int, rng: np.random.Generator, packing: Packing
) -> Iterator[Batch]:
    """Yield ``steps`` batches of ``batch_tiles`` single tiles, each a bag of its own with its patient's label.

    Up to ``bag_tiles`` tiles of each patient take part in these steps, drawn anew at each call.
    """
    patients, rows = tile_pool(bags, h.bag_tiles, rng)
    for chosen in batches(len(rows), h.batch_tiles, steps, rng):
        parts = [bags[patients[index]].tiles[rows[index : index + 1]] for index in chosen]
        yield Batch(pack(parts, packing), [1] * len(parts), labels[patients[chosen]])


def tile_pool(bags: Sequence[Bag], cap: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return patient and row of the tiles that take part: at most ``cap`` of each patient."""
    rows = [rng.permutation(len(bag.tiles))[:cap] for bag in bags]
    return np.repeat(np.arange(len(bags)), [len(of_bag) for of_bag in rows]), np.concatenate(rows)


def pack(parts: Sequence[np.ndarray], packing: Packing) -> Tensor:
    """Return arrays one after the other as one tensor; each value is converted once, on its way into it."""
    packed = torch.empty((sum(len(part) for part in parts), parts[0].shape[1]), dtype=packing.dtype)
    at = 0
    for part in parts:
        packed[at : at + len(part)].copy_(_tensor(part))
        at += len(part)
    return packed.to(packing.device)


def _tensor(values: np.ndarray) -> Tensor:
    writable = values if values.flags.writeable and values.flags.c_contiguous else np.array(values)
    return torch.from_numpy(writable)
