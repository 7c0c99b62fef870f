from __future__ import annotations

import numpy as np
import pytest

from heatmaps.drawing.colours import colour, symmetric_scale, upward_scale


def luminance(rgb: np.ndarray) -> np.ndarray:
    return rgb.astype(float) @ [0.2126, 0.7152, 0.0722]


def test_for_is_red_against_is_blue_and_zero_is_neither() -> None:
    against, neutral, for_ = colour(np.array([-1.0, 0.0, 1.0]), 1.0).astype(int)
    assert for_[0] > for_[2] + 100
    assert against[2] > against[0] + 100
    assert neutral.min() >= 245
    assert np.ptp(neutral) == 0


def test_beyond_the_clip_nothing_changes() -> None:
    np.testing.assert_array_equal(colour(np.array([2.0, -7.0]), 1.0), colour(np.array([1.0, -1.0]), 1.0))


def test_more_evidence_is_always_darker_so_that_the_map_reads_without_colour_vision() -> None:
    light = luminance(colour(np.linspace(0, 1, 50), 1.0))
    assert (np.diff(light) < 0).all()
    light = luminance(colour(np.linspace(0, -1, 50), 1.0))
    assert (np.diff(light) < 0).all()


def test_scale_is_the_99th_percentile_and_says_what_it_cuts() -> None:
    values = np.concatenate([np.linspace(-1, 1, 999), [50.0]])
    scale = symmetric_scale(values)
    assert 0.98 < scale.clip <= 1
    assert scale.clipped_share == (np.abs(values) > scale.clip).mean()
    assert 0 < scale.clipped_share <= 0.01


def test_fixed_scale_stays() -> None:
    scale = symmetric_scale(np.array([1.0, 2.0, 3.0, -4.0]), clip=2.5)
    assert (scale.clip, scale.clipped_share) == (2.5, 0.5)


@pytest.mark.parametrize("values", [np.zeros(5), np.array([0.0] * 500 + [3.0])])
def test_scale_of_a_silent_slide_is_not_zero(values: np.ndarray) -> None:
    assert symmetric_scale(values).clip > 0


@pytest.mark.parametrize("values", [np.array([]), np.array([1.0, np.nan]), np.array([np.inf])])
def test_scale_refuses_what_has_none(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="scale"):
        symmetric_scale(values)


@pytest.mark.parametrize("clip", [0.0, -1.0, float("nan")])
def test_scale_refuses_a_clip_that_is_not_positive(clip: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        symmetric_scale(np.ones(3), clip)


def test_without_a_sign_more_is_always_darker() -> None:
    shades = colour(np.linspace(0, 3, 50), 3.0, signed=False)
    assert (np.diff(luminance(shades)) < 0).all()
    assert shades[0].min() > 250
    np.testing.assert_array_equal(colour(np.array([-1.0, 9.0, np.nan]), 3.0, signed=False), shades[[0, -1, 0]])


def test_upward_scale_ends_where_asked_at_the_units_end_or_at_the_99th_percentile() -> None:
    values = np.arange(1.0, 1001)
    found = upward_scale(values)
    assert (found.clip, found.low, found.signed) == (991, 0, False)
    assert found.clipped_share == pytest.approx(0.009)
    assert upward_scale(values / 1000, fixed=1.0).clip == 1
    assert upward_scale(values / 1000, clip=0.5, fixed=1.0).clip == 0.5
    with pytest.raises(ValueError, match="below 0"):
        upward_scale(np.array([-0.1, 1.0]))
