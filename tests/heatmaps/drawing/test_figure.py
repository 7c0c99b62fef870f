from __future__ import annotations

import cv2
import numpy as np
import pytest

from heatmaps.drawing import render
from heatmaps.drawing.colours import Scale
from heatmaps.drawing.figure import Legend, Panel, draw, nice_ticks, ticks_of
from heatmaps.drawing.scalebar import scale_bar

LEGEND = Legend("A $title$ of_a slide", "log-odds", ("note",), ("evidence FOR", "evidence AGAINST"), "Numbers: shares")


def decoded(png: bytes) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGR2RGB)


def figure(width: int = 500, height: int = 400) -> tuple[bytes, float]:
    panel = Panel(np.full((height, width, 3), 200, np.uint8), "panel")
    bar = scale_bar(8.0, width)
    return draw([panel, panel], LEGEND, Scale(0.04, 0.01, "rule"), bar), bar.length_px


def test_same_input_same_bytes() -> None:
    assert figure() == figure()


def test_panels_are_drawn_pixel_by_pixel() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 420, 3), dtype=np.uint8)
    picture = decoded(draw([Panel(noise, "noise")], LEGEND, Scale(1.0, 0, "rule"), scale_bar(1.0, 420)))
    assert cv2.matchTemplate(picture, noise, cv2.TM_SQDIFF).min() == 0


def test_scale_bar_is_as_long_as_it_says() -> None:
    png, length_px = figure()
    black = (decoded(png) == 0).all(axis=2)
    longest = max(
        int(np.diff(np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]]))))[::2].max(initial=0))
        for row in black
    )
    assert longest == pytest.approx(length_px, abs=1)


@pytest.mark.parametrize(
    ("um_per_px", "width", "text"),
    [(0.5, 1000, "100 µm"), (30, 1400, "5 mm"), (2.5, 1400, "500 µm"), (0.01, 100, "0.2 µm")],
)
def test_scale_bar_is_a_round_number(um_per_px: float, width: int, text: str) -> None:
    bar = scale_bar(um_per_px, width)
    assert bar.text == text
    assert bar.length_px == pytest.approx(bar.length_um / um_per_px)
    assert width / 20 < bar.length_px <= width / 5


@pytest.mark.parametrize("clip", [1.0, 0.0399, 7.3, 2e-5, 0.99, 0.11])
def test_ticks_are_few_round_symmetric_and_inside(clip: float) -> None:
    ticks = nice_ticks(clip)
    assert 3 <= len(ticks) <= 9
    assert 0 in ticks
    np.testing.assert_allclose(ticks, -np.array(ticks[::-1]))
    assert max(ticks) < clip


@pytest.mark.parametrize("clip", [1.0, 0.0399, 7.3, 2e-5, 1.04, 312.0])
def test_ticks_without_a_sign_go_from_zero_to_the_end_of_the_scale(clip: float) -> None:
    ticks = ticks_of(Scale(clip, 0.0, "rule", signed=False))
    assert 3 <= len(ticks) <= 7
    assert ticks[0] == 0
    assert 0.75 * clip < ticks[-1] <= clip


def test_tint_is_transparent_where_no_tile_is_and_the_ground_stays() -> None:
    values = np.full((60, 80), np.nan)
    values[10:50, 10:40] = 1.0
    values[10:50, 40:70] = 0.0
    layer = render.tint(values, 1.0)
    assert (layer[np.isnan(values)] == 0).all()
    assert (layer[~np.isnan(values), 3] == 255).all()
    ground = np.full((60, 80, 3), 220, np.uint8)
    picture = render.overlay(ground, values, 1.0)
    assert (picture[np.isnan(values)] == 220).all()
    assert picture[30, 25, 0] > picture[30, 25, 2] + 80
    assert abs(picture[30, 55].astype(int) - 220).max() <= 6


def test_neutral_tiles_are_told_from_no_tiles_by_an_outline() -> None:
    values = np.full((60, 80), np.nan)
    values[10:50, 10:70] = 0.0
    picture = render.overlay(np.full((60, 80, 3), 255, np.uint8), values, 1.0)
    assert (picture[10, 10:70] < 100).all()
    assert (picture[10:50, 69] < 100).all()


def test_grey_ground_has_no_colour_that_could_be_taken_for_evidence() -> None:
    eosin = np.full((5, 5, 3), (230, 130, 160), np.uint8)
    assert np.ptp(render.underlay(eosin, "grey"), axis=2).max() == 0
    assert np.ptp(render.underlay(eosin, "he"), axis=2).min() > 0
