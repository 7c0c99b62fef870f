from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.grid import make_grid
from pipelines.slides import UnreadableRegion, open_slide
from pipelines.slides.blocks import BLOCK_PX, BLOCK_TILES, make_blocks
from pipelines.slides.pixels import Raster, choose_raster
from pipelines.slides.resize import resize


def raster(downsample: float) -> Raster:
    return Raster(0, 1, downsample, (10**6, 10**6))


@settings(max_examples=60, deadline=None)
@given(
    places=st.lists(st.tuples(st.integers(0, 90_000), st.integers(0, 70_000)), max_size=60),
    side=st.floats(1, 9000),
    downsample=st.sampled_from([1.0, 2.0, 4.0011, 16.0]),
)
def test_every_tile_is_in_one_block_of_bounded_size(
    places: list[tuple[int, int]], side: float, downsample: float
) -> None:
    coords = np.array(places, np.int32).reshape(-1, 2)
    blocks = make_blocks(coords, side, raster(downsample))
    rows = np.concatenate([*blocks, np.empty(0, np.int64)]).astype(int)
    assert sorted(rows.tolist()) == list(range(len(coords)))
    for block in blocks:
        assert (np.diff(block) > 0).all()
        width, height = (np.ptp(coords[block], axis=0) + side) / downsample
        assert len(block) == 1 or width * height <= BLOCK_PX or np.ptp(coords[block], axis=0).max() <= 1
    again = make_blocks(coords.copy(), side, raster(downsample))
    assert all(np.array_equal(a, b) for a, b in zip(blocks, again, strict=True))


@pytest.mark.parametrize("mpp", [0.25, 0.2517, 0.5])
def test_blocks_of_a_grid_are_whole_squares_in_reading_order(mpp: float) -> None:
    grid = make_grid((60_000, 40_000), mpp, 0.5, 224)
    blocks = make_blocks(grid.coords, grid.tile_px_level0, raster(1.0))
    full = max(len(block) for block in blocks)
    assert full <= BLOCK_TILES**2
    assert np.median([len(block) for block in blocks]) == full
    corners = [grid.coords[block].min(axis=0)[::-1].tolist() for block in blocks]
    assert corners == sorted(corners)
    assert len(blocks) < 1.3 * len(grid.coords) / full


def test_levels_and_reductions_are_chosen_once_for_all_sources() -> None:
    sizes, downsamples = ((16000, 12000), (4000, 3000)), (1.0, 4.0)

    def chosen(scale: float, oversampling: float = 1.0) -> tuple[int, int]:
        found = choose_raster(sizes, downsamples, scale, oversampling)
        return found.level, found.reduction

    assert chosen(0.5) == chosen(1.0) == chosen(1.9) == (0, 1)
    assert chosen(2.0) == chosen(2.0008) == chosen(1.9995) == (0, 2)
    assert chosen(2.01) == chosen(3.9) == (0, 1)
    assert chosen(3.99) == chosen(4.0) == (1, 1)
    assert chosen(8.0) == (1, 2)
    assert chosen(4.56) == (1, 1)
    assert chosen(17.0) == (1, 2)
    assert chosen(100.0) == (1, 8)
    assert chosen(8.0, 2) == (1, 1)
    assert chosen(64.0, 2) == (1, 4)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_rounding_never_moves_a_rectangle_over_the_edge(data: st.DataObject) -> None:
    width = data.draw(st.integers(50, 3000))
    reduction = data.draw(st.sampled_from([1, 2, 4, 8]))
    found = Raster(0, reduction, float(reduction), (max(1, width // reduction), 1000))
    side = data.draw(st.floats(1, width))
    x = data.draw(st.floats(0, width - side))
    box = found.box(x, 0, side, 8)
    assert box.left >= 0
    assert box.left + box.width <= found.size[0]
    assert abs(box.left * reduction - x) <= 2 * reduction
    assert abs(box.width * reduction - side) <= max(2 * reduction, 1)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_resizing_is_the_area_mean(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 300)), data.draw(st.integers(1, 300))
    out = (data.draw(st.integers(1, width)), data.draw(st.integers(1, height)))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    larger = rng.integers(0, 256, (height + 3, width + 5, 3), dtype=np.uint8)
    cut = larger[2 : 2 + height, 1 : 1 + width]
    got = resize(cut, out)
    assert got.shape == (out[1], out[0], 3)
    assert not np.shares_memory(got, larger)
    assert np.array_equal(got, resize(cut.copy(), out))
    want = cv2.resize(cut, out, interpolation=cv2.INTER_AREA)
    assert np.abs(got.astype(int) - want).max() <= 1


def test_read_tiles_through_openslide_is_read_region_with_its_errors(make_slide, spoil) -> None:
    path = make_slide(size=(2048, 1024), tile=256)
    spoil(path, 10)  # x 512-768, y 256-512
    coords = np.array([(x, y) for y in (0, 256, 900) for x in (0, 400, 512, 1990)])
    with open_slide(path) as slide:
        tiles = slide.read_tiles(coords, 160.0, 80)
        rows = [row for block in slide.blocks(coords, 160.0, 80) for row in block.tolist()]
        assert sorted(rows) == list(range(len(coords)))
        causes = []
        for (x, y), tile in zip(coords.tolist(), tiles, strict=True):
            if isinstance(tile, UnreadableRegion):
                causes.append((x, y, tile.cause))
                with pytest.raises(UnreadableRegion, match=f"x={x}, y={y}"):
                    slide.read_region(x, y, 160, 160, (80, 80))
            else:
                assert np.array_equal(tile, slide.read_region(x, y, 160, 160, (80, 80)))
    spoiled = [(400, 256, "unreadable"), (512, 256, "unreadable")]
    beyond = [(1990, 0, "unscanned"), (1990, 256, "unscanned"), (1990, 900, "unscanned")]
    assert sorted(causes) == sorted([*spoiled, *beyond])


def test_nothing_to_read_is_nothing(make_slide) -> None:
    with open_slide(make_slide()) as slide:
        assert slide.read_tiles(np.empty((0, 2), np.int32), 100.0, 50) == []
        assert slide.blocks(np.empty((0, 2), np.int32), 100.0, 50) == []
