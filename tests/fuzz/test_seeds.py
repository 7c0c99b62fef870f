"""Thousands of simulated swarms: every invariant holds at every step, for whatever mix of faults a seed draws."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from wsi_swarm.swarm.simulation.campaign import Verdict, play

SEEDS = 5_000
PIECE = 50


def broken_from(first: int) -> list[Verdict]:
    """Play one piece of the seeds; return what broke."""
    return [verdict for seed in range(first, first + PIECE) if (verdict := play(seed)).broken is not None]


@pytest.mark.slow
def test_thousands_of_seeds_hold():
    with ProcessPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        broken = [one for piece in pool.map(broken_from, range(0, SEEDS, PIECE)) for one in piece]
    assert not broken, "\n".join(f"{one.broken}: {one.command}" for one in broken)


def test_some_seeds_hold():
    broken = broken_from(0)
    assert not broken, "\n".join(f"{one.broken}: {one.command}" for one in broken)
