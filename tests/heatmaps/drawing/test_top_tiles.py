from __future__ import annotations

import numpy as np

from heatmaps.drawing.top_tiles import strongest
from pipelines.grid import make_grid


def test_chosen_tiles_are_strong_positive_and_apart() -> None:
    coords = make_grid((2000, 2000), 0.5, 0.5, 100).coords
    values = np.random.default_rng(0).normal(size=len(coords))
    chosen = strongest(values, coords, 100.0, 8)
    assert len(chosen) == 8
    assert chosen[0] == values.argmax()
    assert (np.diff(values[chosen]) <= 0).all()
    for position, index in enumerate(chosen):
        for other in chosen[:position]:
            assert np.abs(coords[index] - coords[other]).max() >= 200


def test_a_neighbour_of_the_best_does_not_take_a_place() -> None:
    coords = np.array([[0, 0], [100, 0], [500, 0]], np.int32)
    assert strongest(np.array([9.0, 8.0, 1.0]), coords, 100.0, 2) == [0, 2]


def test_tiles_that_say_nothing_are_not_shown() -> None:
    coords = np.array([[0, 0], [300, 0], [600, 0]], np.int32)
    assert strongest(np.array([-1.0, 0.0, -2.0]), coords, 100.0, 3) == []


def test_ties_go_to_the_earlier_tile() -> None:
    coords = np.array([[0, 0], [300, 0], [600, 0]], np.int32)
    assert strongest(np.ones(3), coords, 100.0, 2) == [0, 1]
