from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.grid import covered_fraction, make_grid
from pipelines.tissue.coverage import LINES, polygon_fraction


def ring(*corners: tuple[float, float]) -> list[tuple[float, float]]:
    return [*corners, corners[0]]


def box(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    return ring((x0, y0), (x1, y0), (x1, y1), (x0, y1))


GRID = make_grid((1000, 700), 1.0, 1.0, 100)


def test_rectangles_cover_what_they_cover() -> None:
    fraction = polygon_fraction([[box(100, 100, 350, 200)]], [], GRID).reshape(7, 10)
    expected = np.zeros((7, 10))
    expected[1, 1:4] = 1, 1, 0.5
    assert np.allclose(fraction, expected, atol=1e-9)


def test_a_diagonal_and_a_hole_have_their_exact_area() -> None:
    triangle = [ring((0, 0), (1000, 0), (0, 700))]
    assert polygon_fraction([triangle], [], GRID).sum() * 1e4 == pytest.approx(350_000, rel=1e-4)
    frame = [box(100, 100, 900, 600), list(reversed(box(200, 200, 800, 500)))]
    turned = [box(100, 100, 900, 600), box(200, 200, 800, 500)]
    for polygon in (frame, turned):
        assert polygon_fraction([polygon], [], GRID).sum() * 1e4 == pytest.approx(800 * 500 - 600 * 300)


def test_overlapping_polygons_count_once_and_excluded_ones_go() -> None:
    one, other = [box(0, 0, 300, 300)], [box(200, 200, 500, 500)]
    assert polygon_fraction([one, other], [], GRID).sum() * 1e4 == pytest.approx(90_000 + 90_000 - 10_000)
    assert polygon_fraction([one], [other], GRID).sum() * 1e4 == pytest.approx(80_000)
    assert polygon_fraction([one, one], [one], GRID).max() == 0
    assert polygon_fraction([], [one], GRID).max() == polygon_fraction([], [], GRID).max() == 0


def test_what_lies_outside_the_slide_does_not_count() -> None:
    assert np.allclose(polygon_fraction([[box(-500, -500, 5000, 5000)]], [], GRID), 1)
    assert polygon_fraction([[box(1100, 0, 1500, 500)], [box(-90, -90, -10, 900)]], [], GRID).max() == 0


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(100, 0), (100, 40), (73, 0), (64, 20)]))
def test_any_polygon_agrees_with_a_fine_mask_of_it(seed: int, tiling: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    grid = make_grid((320, 240), 0.25, 0.26, *tiling)
    polygons = [[ring(*map(tuple, rng.uniform(0, (320, 240), (int(rng.integers(3, 9)), 2)).round(1)))] for _ in "ab"]
    fine = np.zeros((2, 1920, 2560), np.uint8)
    for layer, rings in zip(fine, polygons, strict=True):
        cv2.fillPoly(layer, [np.rint(np.array(r) * 8 * 16 - 8).astype(np.int32) for r in rings], 1, shift=4)
    expected = covered_fraction((fine[0] > 0) & (fine[1] == 0), grid, (320, 240))
    fraction = polygon_fraction(polygons[:1], polygons[1:], grid)
    # fillPoly also draws the outline itself, about half a fine pixel (1/16 px) too much on each side.
    assert np.abs(fraction - expected).max() < 4 / LINES
    assert np.abs(fraction - expected).mean() < 0.5 / LINES
