from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from pipelines.tissue.classes import Area
from pipelines.tissue.find import classify
from pipelines.tissue.outline import outline


def area(ring: list[tuple[float, float]]) -> float:
    x, y = np.array(ring).T
    return abs(float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1]))) / 2


def test_a_square_with_a_hole_has_their_places_and_sizes() -> None:
    mask = np.zeros((100, 120), bool)
    mask[20:80, 30:90] = True
    mask[40:60, 50:70] = False
    [[outer, hole]] = outline(mask, (1200, 1000))
    assert outer[0] == outer[-1]
    assert hole[0] == hole[-1]
    assert np.abs(np.array(outer).min(axis=0) - (300, 200)).max() <= 5
    assert np.abs(np.array(outer).max(axis=0) - (900, 800)).max() <= 5
    assert abs(area(outer) - 600 * 600) < 0.02 * 600 * 600
    assert abs(area(hole) - 200 * 200) < 0.08 * 200 * 200


def test_pieces_keep_their_own_holes() -> None:
    mask = np.zeros((60, 200), bool)
    mask[10:50, 10:90] = mask[10:50, 110:190] = True
    mask[20:40, 130:150] = mask[20:40, 160:170] = False
    assert sorted(len(rings) for rings in outline(mask, (200, 60))) == [1, 3]
    assert outline(np.zeros((5, 5), bool), (50, 50)) == []


def test_filling_the_outline_of_real_shapes_gives_the_mask_back() -> None:
    for seed in range(5):
        noise = gaussian_filter(np.random.default_rng(seed).normal(size=(150, 180)), 6)
        picture = np.full((150, 180, 3), 243, np.uint8)
        picture[noise > 0] = (200, 120, 170)
        mask = classify(picture, 8.0) == Area.TISSUE
        canvas = np.zeros((600, 720), np.uint8)
        for rings in outline(mask, (720, 600)):
            cv2.fillPoly(canvas, [np.rint(np.array(ring)).astype(np.int32) for ring in rings], 1)
        exact = mask.repeat(4, 0).repeat(4, 1)
        assert (canvas.astype(bool) & exact).sum() / (canvas.astype(bool) | exact).sum() > 0.95
