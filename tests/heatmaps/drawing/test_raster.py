from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatmaps.drawing.raster import average, place, place_on_grid, tile_grid
from pipelines.grid import make_grid


def test_overlapping_tiles_are_averaged_and_nothing_lies_elsewhere() -> None:
    coords = np.array([[0, 0], [5, 0]], np.int32)
    placement = place(coords, 10.0, (40, 20), (40, 20))
    picture = average(np.array([1.0, 4.0]), placement, (40, 20))
    assert (picture[:10, :5] == 1).all()
    assert (picture[:10, 5:10] == 2.5).all()
    assert (picture[:10, 10:15] == 4).all()
    assert np.isnan(picture[:10, 15:]).all()
    assert np.isnan(picture[10:]).all()


def test_order_of_the_tiles_does_not_matter() -> None:
    grid = make_grid((500, 400), 0.5, 0.5, 64, 32)
    values = np.random.default_rng(0).normal(size=len(grid.coords))
    order = np.random.default_rng(1).permutation(len(values))
    pictures = [
        average(values[index], place(grid.coords[index], 64.0, (500, 400), (123, 98)), (123, 98))
        for index in (np.arange(len(values)), order)
    ]
    np.testing.assert_allclose(*pictures, atol=1e-12)


@pytest.mark.parametrize("raster_width", [1400, 3001, 24_000])
def test_no_drift_over_a_slide_of_120_000_px(raster_width: int) -> None:
    size = (120_000, 90_000)
    raster_size = (raster_width, round(raster_width * 0.75))
    mpp = 0.2517
    grid = make_grid(size, mpp, 0.5, 224)
    placement = place(grid.coords, grid.tile_px_level0, size, raster_size)
    side = Fraction(224) * Fraction(1, 2) / Fraction("0.2517")
    per_row = int(120_000 / side)
    for index in (0, per_row - 1, len(grid.coords) // 2, len(grid.coords) - 1):
        row, column = divmod(index, per_row)
        exact_left = column * side * Fraction(raster_size[0], size[0])
        exact_right = (column + 1) * side * Fraction(raster_size[0], size[0])
        exact_bottom = (row + 1) * side * Fraction(raster_size[1], size[1])
        assert abs(placement.left[index] - exact_left) < 1
        assert abs(placement.right[index] - exact_right) < 1
        assert abs(placement.bottom[index] - exact_bottom) < 1


@settings(max_examples=60, deadline=None)
@given(
    mpp=st.floats(0.1, 1.1),
    width=st.integers(3000, 60_000),
    raster_width=st.integers(200, 2500),
    tile_px=st.sampled_from([128, 224, 512]),
)
def test_neighbours_share_their_border(mpp: float, width: int, raster_width: int, tile_px: int) -> None:
    size, raster_size = (width, 2000), (raster_width, max(1, round(2000 * raster_width / width)))
    grid = make_grid(size, mpp, 0.5, tile_px)
    first_row = np.flatnonzero(grid.coords[:, 1] == 0) if len(grid.coords) else np.array([], int)
    if len(first_row) < 2 or grid.tile_px_level0 * raster_width / width < 1.5:
        return
    placement = place(grid.coords, grid.tile_px_level0, size, raster_size)
    np.testing.assert_array_equal(placement.right[first_row][:-1], placement.left[first_row][1:])


def test_a_tile_below_a_pixel_still_shows() -> None:
    placement = place(np.array([[99_990, 0]], np.int32), 10.0, (100_000, 1000), (50, 50))
    picture = average(np.array([3.0]), placement, (50, 50))
    assert np.nansum(picture) == 3
    assert picture[0, 49] == 3


def test_raw_picture_has_one_pixel_per_tile() -> None:
    size = (120_000, 90_000)
    grid = make_grid(size, 0.2517, 0.5, 224)
    raw = tile_grid(grid.coords, grid.tile_px_level0, size)
    placement = place_on_grid(grid.coords, grid.tile_px_level0, raw)
    per_row = int(120_000 / grid.tile_px_level0)
    index = np.arange(len(grid.coords))
    np.testing.assert_array_equal(placement.left, index % per_row)
    np.testing.assert_array_equal(placement.top, index // per_row)
    assert (placement.right - placement.left == 1).all()
    assert (placement.bottom - placement.top == 1).all()


def test_raw_picture_starts_at_the_slide_though_the_tissue_does_not() -> None:
    grid = make_grid((2000, 1500), 0.5, 0.5, 100, 50)
    tissue = grid.coords[(grid.coords >= 600).all(axis=1)]
    raw = tile_grid(tissue, 50.0, (2000, 1500))
    placement = place_on_grid(tissue, 100.0, raw)
    assert raw.origin == (0, 0)
    assert raw.size == (40, 30)
    assert placement.left.min() == 12
    assert (placement.right - placement.left == 2).all()
