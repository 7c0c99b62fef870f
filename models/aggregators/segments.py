"""Sums, maxima and softmax over bags that lie one after the other in one tensor, without padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


def segment_sum(values: Tensor, lengths: Sequence[int]) -> Tensor:
    """(sum of lengths, K) -> (B, K): the sum over each bag, added up in float64 and returned in the type given."""
    return torch.segment_reduce(values.double(), "sum", lengths=_on(values, lengths), axis=0).to(values.dtype)


def segment_mean(values: Tensor, lengths: Sequence[int]) -> Tensor:
    """(sum of lengths, K) -> (B, K): the mean over each bag."""
    return segment_sum(values, lengths) / _on(values, lengths)[:, None]


def segment_max(values: Tensor, lengths: Sequence[int]) -> Tensor:
    """(sum of lengths, K) -> (B, K): the largest of each bag, by column."""
    return values.gather(0, segment_argmax(values, lengths))


def segment_argmax(values: Tensor, lengths: Sequence[int]) -> Tensor:
    """(sum of lengths, K) -> (B, K) int64: row, counted from the first bag's first tile, of each bag's largest.

    The first of several equal ones, so that the gradient goes to one tile alone.
    """
    starts = _starts(lengths)
    parts = values.detach().split(list(lengths))
    return torch.stack([part.argmax(dim=0) + start for part, start in zip(parts, starts, strict=True)])


def segment_softmax(scores: Tensor, lengths: Sequence[int]) -> Tensor:
    """(sum of lengths, K) -> the same shape: each bag's columns are non-negative and sum to 1."""
    scores = scores.float() if scores.dtype in {torch.float16, torch.bfloat16} else scores
    highest = torch.segment_reduce(scores.detach(), "max", lengths=_on(scores, lengths), axis=0)
    raised = torch.exp(scores - to_tiles(highest, lengths))
    return raised / to_tiles(segment_sum(raised, lengths), lengths)


def to_tiles(of_bags: Tensor, lengths: Sequence[int]) -> Tensor:
    """(B, K) -> (sum of lengths, K): each bag's row once per tile."""
    return of_bags.repeat_interleave(_on(of_bags, lengths), dim=0, output_size=sum(lengths))


def drop(tiles: Tensor, lengths: Sequence[int], share: float, rng: np.random.Generator | None) -> Tensor:
    """Leave out a share of the columns of each bag and scale the rest up; nothing where ``rng`` is None.

    The mask is drawn per bag and not per tile, because noise that differs between tiles averages out under attention.
    It comes of a numpy generator and not of torch's global one, so that training moves nothing outside its arguments.
    """
    if rng is None or share == 0.0:
        return tiles
    kept = torch.from_numpy(rng.random((len(lengths), tiles.shape[1])) >= share).to(tiles.device, tiles.dtype)
    return tiles * to_tiles(kept / (1.0 - share), lengths)


def _on(values: Tensor, lengths: Sequence[int]) -> Tensor:
    return torch.tensor(list(lengths), device=values.device)


def _starts(lengths: Sequence[int]) -> list[int]:
    starts, at = [], 0
    for length in lengths:
        starts.append(at)
        at += length
    return starts
