from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipelines.errors import ConfigError
from pipelines.grid import Grid, covered_fraction, make_grid

MPP = st.floats(0.1, 1.2)
SIDE = st.integers(1, 150_000)


@given(SIDE, MPP, MPP, st.integers(64, 1024), st.data())
def test_tiles_stay_inside_cover_the_slide_and_do_not_drift(
    width: int, mpp: float, requested: float, tile_px: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, tile_px // 2))
    height = tile_px * 3
    grid = make_grid((width, height), mpp, requested, tile_px, overlap)
    side, step = tile_px * requested / mpp, (tile_px - overlap) * requested / mpp
    assert grid.tile_px_level0 == side
    xs = np.unique(grid.coords[:, 0])
    if side > min(width, height):
        assert not len(grid.coords)
        return
    assert grid.coords.min() >= 0
    assert xs.max() + side <= width
    assert len(grid.coords) == len(xs) * len(np.unique(grid.coords[:, 1]))
    assert width - (xs.max() + side) < step + 1
    exact = [Fraction(tile_px - overlap) * Fraction(requested) / Fraction(mpp) * column for column in range(len(xs))]
    assert max(abs(float(x - want)) for x, want in zip(xs.tolist(), exact, strict=True)) < 1


def test_the_last_tile_of_a_wide_slide_is_placed_as_well_as_the_first() -> None:
    grid = make_grid((120_000, 500), 0.2517, 0.5, 224)
    last = np.unique(grid.coords[:, 0])[-1]
    column = len(np.unique(grid.coords[:, 0])) - 1
    assert column == 268
    assert abs(last * 0.2517 - column * 112.0) < 0.2517


def test_overlap_puts_tiles_a_step_apart() -> None:
    grid = make_grid((1000, 256), 0.5, 0.5, 256, 128)
    assert np.unique(grid.coords[:, 0]).tolist() == [0, 128, 256, 384, 512, 640]


def test_tiles_come_row_by_row_as_int32() -> None:
    grid = make_grid((700, 500), 1.0, 1.0, 200)
    assert grid.coords.dtype == np.int32
    assert grid.coords.tolist() == [[0, 0], [200, 0], [400, 0], [0, 200], [200, 200], [400, 200]]


@pytest.mark.parametrize(("tile_px", "overlap", "mpp"), [(0, 0, 0.5), (224, 224, 0.5), (224, -1, 0.5), (224, 0, 0.0)])
def test_a_grid_that_cannot_be_is_refused(tile_px: int, overlap: int, mpp: float) -> None:
    with pytest.raises(ConfigError):
        make_grid((1000, 1000), 0.5, mpp, tile_px, overlap)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1), st.floats(5, 40), st.data())
def test_covered_fraction_is_the_exact_area(
    rows: int, columns: int, seed: int, side: float, data: st.DataObject
) -> None:
    mask = np.random.default_rng(seed).random((rows, columns)) < 0.5
    size = (columns * 9 + data.draw(st.integers(0, 5)), rows * 9 + data.draw(st.integers(0, 5)))
    assume(side <= min(size))
    x = data.draw(st.integers(0, int(size[0] - side)))
    y = data.draw(st.integers(0, int(size[1] - side)))
    [got] = covered_fraction(mask, Grid(np.array([[x, y]], np.int32), side), size)
    pixel_w, pixel_h = size[0] / columns, size[1] / rows
    area = 0.0
    for row, column in np.argwhere(mask):
        wide = min(x + side, (column + 1) * pixel_w) - max(x, column * pixel_w)
        high = min(y + side, (row + 1) * pixel_h) - max(y, row * pixel_h)
        area += max(wide, 0) * max(high, 0)
    assert got == pytest.approx(area / side**2, abs=1e-9)


def test_no_tiles_have_no_fractions() -> None:
    empty = Grid(np.empty((0, 2), np.int32), 10.0)
    assert covered_fraction(np.ones((3, 3), bool), empty, (9, 9)).shape == (0,)
