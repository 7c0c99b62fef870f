"""Occlusion: what becomes of the result when a piece of tissue is taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from heatmaps.methods.base import PerTarget
from heatmaps.methods.leaving_out import logits_without
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from models.aggregators import Aggregator

ENOUGH_ROWS = 4_000_000
"""Tiles that go through the network in all where every bag goes through it; the square grows until this is enough."""
LARGEST_SIDE = 256


class Occlusion(PerTarget):
    """Occlusion of square groups of tiles (after Zeiler and Fergus, ECCV 2014, who grey out patches of an image).

    The slide is cut into squares of ``side`` x ``side`` steps of the tile grid, from the corner of its first column and
    row; a tile belongs to the square of its own corner. With log-odds ``F``, bag ``X`` and group ``G_i`` of tile i,

    ``r_i = (F(X) - F(X without G_i)) / |G_i|``

    so that the tiles of a group share its effect alike. Where a group is the whole slide, ``F`` of what is left is that
    of one tile whose every feature is 0.

    Parameters
    ----------
    side : int, optional
        Tiles along the side of a group; 1 takes tiles away one by one. By default the smallest side with which at
        most 4 million tiles go through the network.
    """

    name = "occlusion"
    title = "occlusion"
    unit = "log-odds per tile"
    shows = "by how much the log-odds fall when the tile, or the square of tiles that it lies in, is taken away"
    misleads = "where evidence is redundant no square alone is missed, so that all of it looks unimportant"

    def __init__(self, side: int | None = None) -> None:
        if side is not None and not 1 <= side <= LARGEST_SIDE:
            msg = f"--occlude takes away squares of 1 to {LARGEST_SIDE} tiles' side, not {side}"
            raise ConfigError(msg)
        self.side = side

    @classmethod
    def supports(cls, aggregator: type[Aggregator]) -> bool:
        """Return True: every aggregator takes a smaller bag."""
        del aggregator
        return True

    def parameters(self) -> dict[str, Any]:
        """Return the side asked for, or how it is chosen."""
        return {"side": self.side if self.side is not None else f"smallest for {ENOUGH_ROWS} tiles"}

    def numbers(
        self, network: Aggregator, tiles: torch.Tensor, coords: NDArray[np.float64], wanted: Sequence[int]
    ) -> tuple[NDArray[np.float64], list[dict[str, Any]]]:
        """Return the numbers, and the groups' side and number; see ``PerTarget.numbers``."""
        side, groups = self._groups(coords)
        logits = logits_without(network, tiles, groups).numpy()
        effect = (logits[0] - logits[1:]) / np.bincount(groups)[:, None]
        details = {"occluded_side_tiles": side, "occluded_groups": len(effect)}
        return effect.T[list(wanted)][:, groups], [dict(details) for _ in wanted]

    def _groups(self, coords: NDArray[np.float64]) -> tuple[int, NDArray[np.int64]]:
        """Return the side, and each tile's group from 0 on."""
        if self.side is not None:
            return self.side, _squares(coords, self.side)
        for side in range(1, LARGEST_SIDE):
            groups = _squares(coords, side)
            if (int(groups.max()) + 1) * len(coords) <= ENOUGH_ROWS:
                return side, groups
        return LARGEST_SIDE, _squares(coords, LARGEST_SIDE)


def _squares(coords: NDArray[np.float64], side: int) -> NDArray[np.int64]:
    # Corners are whole pixels and a step may not be, so that a corner may lie a little before its line of the grid.
    cells = np.floor((np.rint(coords - coords.min(axis=0))) / side).astype(np.int64)
    return np.unique(cells, axis=0, return_inverse=True)[1].reshape(-1)
