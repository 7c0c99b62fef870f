from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipelines.tissue.classes import Area
from pipelines.tissue.density import glass_colour
from pipelines.tissue.find import classify

PINK = (224, 150, 190)


def glass(height: int = 200, width: int = 240, colour: tuple[int, int, int] = (243, 243, 243)) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 2, (height, width, 3))
    return np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)


def ellipse(height: int = 200, width: int = 240) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return ((x / width - 0.5) / 0.36) ** 2 + ((y / height - 0.5) / 0.32) ** 2 < 1


def find_tissue(picture: np.ndarray, mpp: float) -> np.ndarray:
    return classify(picture, mpp) == Area.TISSUE


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / (one | other).sum()


def test_tissue_is_found_where_it_is(tissue_picture) -> None:
    picture = tissue_picture(960, 800).reshape(200, 4, 240, 4, 3).mean(axis=(1, 3)).astype(np.uint8)
    assert agreement(find_tissue(picture, 8.0), ellipse()) > 0.95


def test_a_picture_full_of_tissue_is_not_split(tissue_picture) -> None:
    inside = tissue_picture(960, 800)[300:500, 360:600]
    assert find_tissue(inside, 8.0).mean() > 0.99


def test_pale_tissue_beside_dark_tissue_is_kept() -> None:
    image = glass()
    image[20:180, 20:120] = (150, 60, 130)
    image[20:180, 120:220] = (236, 208, 224)
    assert find_tissue(image, 8.0)[30:170, 30:210].mean() > 0.99


def test_empty_black_grey_and_bordered_pictures_hold_no_tissue() -> None:
    bordered = glass()
    bordered[:30], bordered[:, -30:] = 3, 8
    dark_noise = np.random.default_rng(0).integers(0, 30, (200, 240, 3)).astype(np.uint8)
    for picture in (glass(), glass(colour=(252, 252, 252)), glass() // 90, bordered, dark_noise, glass() // 2):
        assert not find_tissue(picture, 8.0).any()
    assert not find_tissue(np.full((1, 1, 3), 243, np.uint8), 8.0).any()


def test_the_tint_of_glass_is_not_stain() -> None:
    image = glass(colour=(244, 240, 226))
    assert not find_tissue(image, 8.0).any()
    image[ellipse()] = PINK
    assert agreement(find_tissue(image, 8.0), ellipse()) > 0.95


def test_debris_goes_and_small_holes_are_filled_but_large_ones_stay() -> None:
    image = glass()
    image[20:180, 20:180] = PINK
    image[40:50, 40:50] = 243
    image[80:150, 80:150] = 243
    image[100:106, 220:226] = PINK
    mask = find_tissue(image, 8.0)
    assert mask[40:50, 40:50].all()
    assert not mask[90:140, 90:140].any()
    assert not mask[:, 200:].any()


def test_tissue_cut_by_the_edge_reaches_the_edge() -> None:
    image = glass()
    image[60:, 50:150] = PINK
    assert find_tissue(image, 8.0)[-1, 60:140].all()


def test_glass_is_white_where_none_is_seen() -> None:
    assert (glass_colour(np.full((10, 10, 3), 120, np.uint8)) == 255).all()


@settings(max_examples=25, deadline=None)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3))),
    st.sampled_from([4.0, 8.0, 20.0]),
)
def test_any_picture_gives_a_class_map_of_its_size(picture: np.ndarray, mpp: float) -> None:
    classes = classify(picture, mpp)
    assert classes.shape == picture.shape[:2]
    assert set(np.unique(classes)) <= set(Area)
