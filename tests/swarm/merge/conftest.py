"""Updates to merge: by a formula in whole numbers, so that they are the same on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from wsi_swarm.swarm.merge.contribution import Contribution
from wsi_swarm.swarm.state.encoding import FixedState, Layout

if TYPE_CHECKING:
    from collections.abc import Callable

Setting = tuple[FixedState, list[Contribution]]


@pytest.fixture
def setting() -> Callable[..., Setting]:
    """Return a model of some hundred values around ±1 and ``n`` updates of about a thousandth, in 24 bits."""

    def make(n: int, seed: int = 0, size: int = 300) -> Setting:
        layout = Layout((("a", (size - 7, 1)), ("z", (7,))), 24)
        count = np.arange((n + 1) * size, dtype=np.uint64) + np.uint64(seed * 1_000_003)
        mixed = (count * np.uint64(6_364_136_223_846_793_005) + np.uint64(1_442_695_040_888_963_407)) >> np.uint64(40)
        rows = (mixed.astype(np.int64) - 2**23).reshape(n + 1, size)
        model = FixedState(layout, (rows[0] * 2).astype(np.int32))
        deltas = [FixedState(layout, (row >> 9).astype(np.int32)) for row in rows[1:]]
        return model, [Contribution(f"0x{i:02x}", 3 * i + 1, delta) for i, delta in enumerate(deltas)]

    return make
