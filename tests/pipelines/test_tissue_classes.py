"""What lies on the glass besides tissue: each kind drawn, found, and dropped under its own name."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipelines.tissue.classes import COLOURS, PENS, SWITCHES, Area
from pipelines.tissue.find import classify
from pipelines.tissue.focus import is_blurred
from pipelines.tissue.preview import draw_preview, shrink
from pipelines.tissue.stain_check import why_not_he

MPP = 8.0
INKS = {
    Area.GREEN_PEN: (20, 130, 115),
    Area.RED_PEN: (220, 30, 60),
    Area.BLUE_PEN: (35, 70, 175),
    Area.BLACK_PEN: (25, 24, 28),
}


@pytest.fixture
def section(tissue_picture) -> np.ndarray:
    """A pink ellipse with nuclei on glass, 300 x 400 px at 8 µm."""
    return tissue_picture(1600, 1200).reshape(300, 4, 400, 4, 3).mean(axis=(1, 3)).astype(np.uint8)


def through(image: np.ndarray, ink: tuple[int, int, int], place: tuple[slice, slice]) -> np.ndarray:
    """Return the picture seen through a film of ink."""
    marked = image.astype(np.float32)
    marked[place] *= np.array(ink, np.float32) / 243
    return marked.astype(np.uint8)


@pytest.mark.parametrize("area", PENS, ids=lambda area: area.label)
def test_ink_on_glass_and_on_tissue_is_named_and_is_no_tissue(section: np.ndarray, area: Area) -> None:
    stroke = (slice(5, 290), slice(180, 220))
    classes = classify(through(section, INKS[area], stroke), MPP)
    assert (classes[12:280, 184:216] == area).mean() > 0.98
    assert not (classes[:, 184:216] == Area.TISSUE).any()
    usual = classify(section, MPP)
    assert (classes[:, :170] == usual[:, :170]).all()
    kept = classify(through(section, INKS[area], stroke), MPP, keep=PENS)
    assert not np.isin(kept, PENS).any()


def test_a_black_border_is_no_pen_and_a_black_stroke_is_no_border(section: np.ndarray) -> None:
    section[:30], section[:, -20:] = 3, 8
    section[200:, 150:165] = 4
    classes = classify(section, MPP)
    assert (classes[:28] == Area.BORDER).all()
    assert (classes[:, -18:] == Area.BORDER).all()
    assert (classes[210:, 152:163] == Area.BLACK_PEN).all()


def test_a_large_hole_is_a_hole_and_dirt_is_debris(section: np.ndarray) -> None:
    section[120:170, 170:230] = 243
    cv2.circle(section, (30, 30), 6, (90, 85, 80), -1)
    section[270:280, 370:380] = (224, 150, 190)
    classes = classify(section, MPP)
    assert (classes[124:166, 174:226] == Area.HOLE).all()
    assert classes[30, 30] == classes[275, 375] == Area.DEBRIS
    assert (classify(section, MPP, keep=SWITCHES["hole"])[124:166, 174:226] == Area.TISSUE).all()
    assert classify(section, MPP, keep=SWITCHES["debris"])[275, 375] == Area.TISSUE


def test_blood_vessels_are_too_narrow_for_red_ink(section: np.ndarray) -> None:
    for x in range(120, 280, 20):
        section[100:200, x : x + 6] = (200, 50, 60)
    assert not (classify(section, MPP) == Area.RED_PEN).any()


def test_any_stain_takes_what_is_not_glass_also_on_black() -> None:
    brown = np.full((100, 120, 3), 240, np.uint8)
    brown[20:80, 20:100] = (150, 110, 70)
    assert (classify(brown, MPP, any_stain=True)[22:78, 22:98] == Area.TISSUE).all()
    light = np.zeros((100, 120, 3), np.uint8)
    light[20:80, 20:100] = (0, 120, 40)
    classes = classify(light, MPP, any_stain=True)
    assert (classes[22:78, 22:98] == Area.TISSUE).all()
    assert (classes[:17] == Area.BACKGROUND).all()


def noisy(colour: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    image = np.full((120, 120, 3), 240.0)
    image[20:100, 20:100] = colour
    return (image + np.random.default_rng(seed).normal(0, 4, image.shape)).clip(0, 255).astype(np.uint8)


def test_only_he_passes_for_he(section: np.ndarray) -> None:
    assert why_not_he(section, MPP) is None
    assert why_not_he(np.full((50, 50, 3), 243, np.uint8), MPP) is None
    assert why_not_he(noisy((120, 80, 160)), MPP) is None
    assert "brown, blue or green" in why_not_he(noisy((150, 110, 70)), MPP)
    assert "brown, blue or green" in why_not_he(noisy((190, 220, 90)), MPP)
    flat = np.full((120, 120, 3), (160, 32, 240), np.uint8)
    assert "one of 1 colours" in why_not_he(flat, MPP)
    assert "black" in why_not_he(255 - section, MPP)
    ycc = cv2.cvtColor(section, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]]
    assert "YCbCr" in why_not_he(ycc, MPP)


def test_focus_is_judged_by_fine_detail_and_only_where_there_is_any(section: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    octaves = [cv2.resize(rng.normal(0, 12, (n, n)).astype(np.float32), (128, 128)) for n in (128, 64, 32, 16)]
    sharp = (np.array((200, 140, 180)) + sum(octaves)[..., None]).clip(0, 255).astype(np.uint8)
    assert is_blurred(sharp) is False
    assert is_blurred(cv2.GaussianBlur(sharp, (0, 0), 3.0)) is True
    assert is_blurred(np.full((128, 128, 3), 200, np.uint8)) is None


def test_the_preview_shades_reasons_and_names_them_below(section: np.ndarray) -> None:
    classes = np.zeros((30, 40), np.uint8)
    classes[:10, :10] = Area.BLUR
    classes[:3, 30] = Area.DEBRIS
    dropped = {"blur": 7, "background": 90, "hole": 0}
    drawn = draw_preview(section, (1600, 1200), [], np.empty((0, 2)), 100.0, classes, dropped)
    assert drawn.shape[1:] == section.shape[1:]
    assert drawn.shape[0] > 300
    assert np.abs(drawn[50, 50].astype(int) - section[50, 50]).max() > 20
    assert (drawn[50:250, 150:] == section[50:250, 150:]).all()
    legend = drawn[300:].reshape(-1, 3)
    for area, shown in ((Area.BLUR, True), (Area.BACKGROUND, True), (Area.DEBRIS, True), (Area.HOLE, False)):
        assert (legend == COLOURS[area]).all(axis=1).any() == shown
    assert shrink(section, 200).shape == (150, 200, 3)
    assert shrink(section, 2000) is section
