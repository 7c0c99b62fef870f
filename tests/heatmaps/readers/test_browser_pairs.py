"""Pairs of heatmaps in a real browser: by keyboard alone, with nobody to reach."""

from __future__ import annotations

import cv2
import pytest

from heatmaps.readers.answers.answer_file import read_answers
from heatmaps.readers.answers.import_answers import import_answers
from tests.chromium import Chromium
from tests.heatmaps.readers.browsing import (
    SIZES,
    analysed,
    at,
    ended,
    fits,
    nothing_amiss,
    table,
    text,
    unpacked,
)
from tests.heatmaps.readers.template_studies import make_preference

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_whole_kit_of_pairs_by_keyboard_over_two_computers_to_the_table(browser, tmp_path, width, height):
    built = make_preference(tmp_path / "study").build(tmp_path / "out")
    page = unpacked(built, tmp_path / "kit")
    browser.open(page, width, height)
    assert browser.accessibility() == []
    browser.press("Enter")
    at(browser, "Training case 1 of 1")
    browser.press("Enter")
    missing = "Please answer: How plausible? · Left How plausible? · Right Which is better?"
    assert text(browser, "note") == missing
    # The marked question takes the digits: left, then right, then L, R, = or 0.
    browser.press("4", "2", "l", "Enter")
    assert text(browser, "feedback-text") == "Others found the left one better."
    assert browser.accessibility() == []
    browser.press("Enter")
    for number, keys in enumerate([("5", "1", "r"), ("0", "3", "="), ("2", "2", "0")], start=1):
        at(browser, f"Pair {number} of 7")
        fits(browser)
        browser.press(*keys, "Enter")
    at(browser, "Pair 4 of 7")
    browser.press("s")
    half = browser.downloaded()
    nothing_amiss(browser)

    (tmp_path / "elsewhere").mkdir()
    elsewhere = Chromium(tmp_path / "elsewhere")
    try:
        elsewhere.open(page, width, height)
        elsewhere.choose_file("#load", half)
        elsewhere.wait_for("document.getElementById('load-state').textContent === '4 answers loaded.'")
        elsewhere.press("Enter")
        for number in range(4, 8):
            at(elsewhere, f"Pair {number} of 7")
            elsewhere.press("3", "4", "r", "Enter")
        ended(elsewhere)
        assert elsewhere.accessibility() == []
        elsewhere.press("s")
        whole = elsewhere.downloaded()
        nothing_amiss(elsewhere)
    finally:
        elsewhere.close()

    told = read_answers(whole)
    assert told.complete
    assert told.answers[0].values == {"plausible.left": 4, "plausible.right": 2, "prefer": "left"}
    assert told.answers[2].values == {"plausible.left": "cannot_judge", "plausible.right": 3, "prefer": "equal"}
    summary = import_answers([half, whole], built.key, tmp_path / "t.csv").summary["readers"][0]
    assert (summary["answered"], summary["missing"], summary["answered_twice"]) == (7, [], 0)
    rows = table(tmp_path / "t.csv")
    for row in rows:
        if row["question"] == "prefer" and int(row["position"]) >= 4:
            assert row["answer"] == row["right"]
    assert {row["answer"] for row in rows if row["position"] == "1"} == {"5", "1", rows[0]["right"]}
    assert analysed(browser, tmp_path / "t.csv", tmp_path / "analysis") == "Heatmap preference"


def test_both_panes_move_together_and_the_tissue_is_one_key_away(browser, tmp_path):
    built = make_preference(tmp_path / "study").build(tmp_path / "out")
    browser.open(unpacked(built, tmp_path / "kit"), 1280, 800)
    browser.press("Enter")
    at(browser, "Training case 1 of 1")
    transforms = "[...document.querySelectorAll('.moving')].map((one) => one.style.transform)"

    def middle_of_both(name):
        browser.shoot(tmp_path / f"{name}.png")
        shot = cv2.imread(str(tmp_path / f"{name}.png")).astype(int)
        boxes = "[...document.querySelectorAll('.glass')].map((one) => { const box = one.getBoundingClientRect();"
        centres = browser.evaluate(f"{boxes} return [box.left + box.width / 2, box.top + box.height / 2]; }})")
        return [tuple(shot[round(y), round(x)][::-1]) for x, y in centres]

    left, right = middle_of_both("tinted")
    colours = sorted([left[0] > left[2], right[0] > right[2]])
    assert colours == [False, True]  # one is red, one is blue
    browser.press("h")
    assert all(
        abs(a - b) < 40 for pixel in middle_of_both("tissue") for a, b in zip(pixel, (200, 120, 170), strict=True)
    )
    browser.press("h")
    before = text(browser, "scale-text")
    browser.press("+", "+", "ArrowRight", "ArrowDown")
    one, other = browser.evaluate(transforms)
    assert one == other
    assert "scale(2.25)" in one
    assert text(browser, "scale-text") != before
    browser.press("Home")
    assert browser.evaluate(transforms) == ["translate(0px, 0px) scale(1)"] * 2
    # The wheel keeps what lies under the pointer there.
    x, y = browser.evaluate(
        "(() => { const box = document.querySelector('.glass').getBoundingClientRect();"
        " return [box.left + 100, box.top + 90]; })()"
    )
    browser.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=-400)
    browser.wait_for(f"{transforms}.every((one) => one.includes('scale(2.7'))")
    # A drag in one pane moves both.
    before = browser.evaluate(transforms)
    mouse = {"button": "left", "buttons": 1, "clickCount": 1}
    browser.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, **mouse)
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x + 60, y=y + 30, **mouse)
    browser.call("Input.dispatchMouseEvent", type="mouseReleased", x=x + 60, y=y + 30, **mouse)
    after = browser.evaluate(transforms)
    assert after[0] == after[1] != before[0]
    nothing_amiss(browser)
