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

_ROWS = 64
"""Converted at a time, so that they stay in the processor's cache."""


class Batch(NamedTuple):
    """A mini-batch: (sum of lengths, D) tiles, tiles per bag, and (B, T) labels."""

    tiles: Tensor
    lengths: list[int]
    labels: np.ndarray


class Packing:
    """Puts bags one after the other into one tensor on a device, in the type wanted.

    The tensors are used again, for fresh memory costs more than filling it: one is overwritten when ``KEPT`` further
    ones are packed. A learner that reads one batch ahead has three at once.
    """

    KEPT = 4

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device = device
        self.dtype = dtype
        self._room = [torch.empty(0, dtype=dtype) for _ in range(self.KEPT)]
        self._next = 0

    def pack(self, parts: Sequence[np.ndarray]) -> Tensor:
        """Return arrays (n, D) one after the other as one tensor; each value is converted on its way into it."""
        rows, columns = sum(len(part) for part in parts), parts[0].shape[1]
        if self._room[self._next].numel() < rows * columns:
            self._room[self._next] = torch.empty(rows * columns, dtype=self.dtype)
        packed = self._room[self._next][: rows * columns].view(rows, columns)
        self._next = (self._next + 1) % self.KEPT
        at = 0
        for part in parts:
            _convert(packed[at : at + len(part)], _tensor(part))
            at += len(part)
        # The copy to another device is awaited, so that the room may be filled again.
        return packed if self.device.type == "cpu" else packed.to(self.device)


def bag_batches(
    bags: Sequence[Bag], labels: np.ndarray, h: Hyperparameters, steps: int, rng: np.random.Generator, packing: Packing
) -> Iterator[Batch]:
    """Yield ``steps`` batches of ``batch_patients`` bags, each cut to ``bag_tiles`` tiles."""
    for chosen in batches(len(bags), h.batch_patients, steps, rng):
        parts = [bags[index].take(h.bag_tiles, rng) for index in chosen]
        yield Batch(packing.pack(parts), [len(part) for part in parts], labels[chosen])


def tile_batches(
    bags: Sequence[Bag], labels: np.ndarray, h: Hyperparameters, steps: int, rng: np.random.Generator, packing: Packing
) -> Iterator[Batch]:
    """Yield ``steps`` batches of ``batch_tiles`` single tiles, each a bag of its own with its patient's label.

    Up to ``bag_tiles`` tiles of each patient take part in these steps, drawn anew at each call.
    """
    patients, rows = tile_pool(bags, h.bag_tiles, rng)
    for chosen in batches(len(rows), h.batch_tiles, steps, rng):
        parts = [bags[patients[index]].tiles[rows[index : index + 1]] for index in chosen]
        yield Batch(packing.pack(parts), [1] * len(parts), labels[patients[chosen]])


def tile_pool(bags: Sequence[Bag], cap: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return patient and row of the tiles that take part: at most ``cap`` of each patient."""
    rows = [rng.permutation(len(bag.tiles))[:cap] for bag in bags]
    return np.repeat(np.arange(len(bags)), [len(of_bag) for of_bag in rows]), np.concatenate(rows)


def _convert(into: Tensor, values: Tensor) -> None:
    if (into.dtype, values.dtype) != (torch.bfloat16, torch.float16):
        into.copy_(values)
        return
    # torch converts float16 to bfloat16 value by value, but each of them to and from float32 with vectors.
    scratch = torch.empty((_ROWS, values.shape[1]))
    for start in range(0, len(values), _ROWS):
        some = values[start : start + _ROWS]
        into[start : start + _ROWS].copy_(scratch[: len(some)].copy_(some))


def _tensor(values: np.ndarray) -> Tensor:
    writable = values if values.flags.writeable and values.flags.c_contiguous else np.array(values)
    return torch.from_numpy(writable)
