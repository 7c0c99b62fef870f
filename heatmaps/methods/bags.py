"""Many bags through one network, packed into batches of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.aggregators import Aggregator

ROWS = 16_384
"""Tiles per batch: bounds the memory, whatever the number and size of the bags."""


def logits_of(network: Aggregator, bags: Iterable[torch.Tensor]) -> torch.Tensor:
    """Return (B, T) log-odds of B bags, each (n, D) with n >= 1, in the type of the network."""
    found: list[torch.Tensor] = []
    waiting: list[torch.Tensor] = []
    rows = 0
    with torch.inference_mode():
        for bag in bags:
            if waiting and rows + len(bag) > ROWS:
                found.append(network.forward_bags(torch.cat(waiting), [len(one) for one in waiting]))
                waiting, rows = [], 0
            waiting.append(bag)
            rows += len(bag)
        if waiting:
            found.append(network.forward_bags(torch.cat(waiting), [len(one) for one in waiting]))
    return torch.cat(found)
