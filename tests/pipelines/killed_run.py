"""Tile and extract in a process of its own that the test kills; see ``test_kill.py``.

``killed_run.py SLIDES JOB HOLD_AT``: with HOLD_AT >= 0 the encoder says "held" on stdout at that batch and waits for
ever; otherwise the run goes to its end and prints the number of batches.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from conftest import SmallEncoder

from pipelines.extract import ExtractOptions, extract_slides
from pipelines.tile import TileOptions, tile_slides

if TYPE_CHECKING:
    import torch


class HoldingEncoder(SmallEncoder):
    """Stops at one batch, in the middle of a slide."""

    def __init__(self, hold_at: int) -> None:
        super().__init__()
        self._hold_at = hold_at

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        if len(self.batches) == self._hold_at:
            print("held", flush=True)
            sys.stdin.read()
        return super().__call__(batch)


if __name__ == "__main__":
    slides, job, hold_at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    encoder = HoldingEncoder(hold_at)
    tile_slides(slides, job, TileOptions(tile_px=112)).check()
    extract_slides(slides, job, encoder, ExtractOptions(batch_size=4, workers=2)).check()
    print(len(encoder.batches))
