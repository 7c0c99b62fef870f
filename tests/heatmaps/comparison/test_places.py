"""Where two heatmaps are compared: tiles that both have, or a common grid after a shift that is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatmaps.comparison.places import common_places
from heatmaps.comparison.shift import Tissue, best_shift, overlap_of
from pipelines.errors import InputError
from pipelines.features import Features, describe
from pipelines.grid import make_grid

TILE_PX = 224


def tissue_at(um: np.ndarray) -> np.ndarray:
    """A lopsided piece of tissue of about 12 x 9 mm, with a bay; (N,) bool of places (N, 2) in µm."""
    x, y = (um / 1000).T
    body = ((x - 9) / 6) ** 2 + ((y - 7) / 4.5) ** 2 < 1
    bay = ((x - 13) / 3) ** 2 + ((y - 4) / 2.5) ** 2 < 1
    tail = (np.abs(x - 6) < 1) & (np.abs(y - 12) < 2)
    return (body & ~bay) | tail


def field(um: np.ndarray) -> np.ndarray:
    """Evidence that varies over some millimetres."""
    x, y = (um / 1000).T
    return np.sin(x / 1.3) * np.cos(y / 1.7) + 0.3 * np.sin(x * y / 9)


def scan(slide_id: str, mpp: float, moved_um: tuple[float, float] = (0, 0), overlap_px: int = 0) -> Features:
    """The tissue as a scanner of this resolution sees it, moved; a tile's only number is the field at its middle."""
    size = (int(24_000 / mpp), int(20_000 / mpp))
    grid = make_grid(size, mpp, 0.5, TILE_PX, overlap_px)
    middle = (grid.coords + grid.tile_px_level0 / 2) * mpp - np.array(moved_um)
    kept = tissue_at(middle)
    attrs = describe(
        slide_size=size, mpp=mpp, tile_px=TILE_PX, overlap_px=overlap_px, encoder="planted", encoder_card_sha256=""
    )
    return Features(slide_id, field(middle[kept])[:, None].astype(np.float32), grid.coords[kept], attrs)


def values(features: Features) -> np.ndarray:
    return features.features[:, 0].astype(np.float64)


def test_tiles_of_one_scan_are_compared_one_by_one_in_any_order() -> None:
    one = scan("a", 0.25)
    order = np.random.default_rng(0).permutation(len(one.coords))[: int(len(one.coords) * 0.9)]
    other = replace(one, features=one.features[order], coords=one.coords[order])
    places = common_places(one, other)
    assert places.same_tiles
    assert len(places.corners) == len(order)
    assert places.shift.overlap == pytest.approx(0.9, abs=0.01)
    np.testing.assert_array_equal(places.of_first(values(one)), places.of_second(values(other)))


@settings(max_examples=8, deadline=None)
@given(x=st.floats(60, 3000), y=st.floats(-2000, 3000), mpp=st.one_of(st.just(0.25), st.floats(0.2, 0.6)))
def test_the_shift_of_another_scanner_is_found_to_half_a_tile_of_each(x: float, y: float, mpp: float) -> None:
    one, other = scan("a", 0.25), scan("b", mpp, (x, y))
    places = common_places(one, other)
    assert not places.same_tiles
    # The second is moved back by what it was moved.
    assert np.abs(places.shift.um + np.array([x, y])).max() <= places.shift.precision_um == TILE_PX * 0.5
    assert places.shift.overlap > 0.85
    assert np.corrcoef(places.of_first(values(one)), places.of_second(values(other)))[0, 1] > 0.95


def test_cells_of_the_common_grid_are_the_first_scans_tiles() -> None:
    one, other = scan("a", 0.25), scan("b", 0.46, (400, -300))
    places = common_places(one, other)
    tiles = {tuple(corner): value for corner, value in zip(one.coords.tolist(), values(one), strict=True)}
    found = [tiles.get(tuple(corner)) for corner in np.rint(places.corners).astype(int).tolist()]
    assert None not in found
    np.testing.assert_allclose(places.of_first(values(one)), found)
    assert places.side == pytest.approx(one.tile_px_level0)


def test_overlapping_tiles_of_one_scan_are_averaged_and_nothing_is_moved() -> None:
    one, other = scan("a", 0.25), scan("a", 0.25, overlap_px=112)
    places = common_places(one, other)
    assert (places.same_tiles, places.shift.precision_um, places.shift.um.tolist()) == (False, 0, [0, 0])
    apart = places.of_first(values(one)) - places.of_second(values(other))
    assert np.abs(apart).mean() < 0.05


def test_other_tissue_is_refused_with_what_would_help() -> None:
    one = scan("a", 0.25)
    middle = one.coords.mean(axis=0)
    stripe = np.abs(one.coords[:, 0] - middle[0]) < 3000
    other = replace(one, slide_id="b", coords=one.coords[stripe], features=one.features[stripe])
    with pytest.raises(InputError, match=r"overlaps by \d+% at best.*not turned or mirrored"):
        common_places(one, other)
    turned = replace(one, slide_id="b", coords=np.ascontiguousarray(one.coords[:, ::-1]))
    with pytest.raises(InputError, match="overlaps"):
        common_places(one, turned)


def test_very_large_tissue_stays_within_bounds() -> None:
    corners = np.array([[0, 0], [200_000, 150_000]], float)
    found = best_shift(Tissue(corners, 100.0), Tissue(corners + np.array([777, -333]), 100.0), 5.0)
    assert np.abs(found.um - (-777, 333)).max() <= found.precision_um
    assert overlap_of(Tissue(corners, 100.0), Tissue(corners, 100.0), 5.0) == 1
