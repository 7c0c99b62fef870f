"""A kit in a real browser, from the file system, by keyboard alone, with nobody to reach."""

from __future__ import annotations

import zipfile

import cv2
import pytest

from heatmaps.readers.answers.answer_file import read_answers
from heatmaps.readers.answers.import_answers import import_answers
from heatmaps.readers.kit.build import example_study
from heatmaps.readers.kit.key import read_key
from tests.chromium import Chromium
from tests.heatmaps.readers.answering import answers_of, write_answers
from tests.heatmaps.readers.browsing import SIZES, analysed, nothing_amiss, unpacked

pytestmark = pytest.mark.browser

SHOWN = "document.getElementById('picture-state').textContent === '' && document.getElementById('picture').naturalWidth"
WHERE = "document.getElementById('where').textContent"


@pytest.fixture
def page(built, tmp_path):
    """The first reader's page, unpacked."""
    return unpacked(built, tmp_path / "kit")


def answer(browser, *keys: str) -> None:
    browser.wait_for(SHOWN)
    browser.press(*keys, "Enter")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_whole_kit_by_keyboard_to_the_table(built, page, browser, tmp_path, width, height):
    browser.open(page, width, height)
    browser.press("Enter")
    # The training case: compared with what others saw, then on.
    answer(browser, "a", "4")
    assert browser.evaluate("document.getElementById('feedback-text').textContent") == "Others chose 4."
    browser.press("5")  # an answer that was compared stays
    browser.press("Enter")
    for number in range(12):
        browser.wait_for(f"{WHERE} === 'Picture {number + 1} of 12'")
        # Mucin and lymphocytes; "none" clears both; "cannot judge" once.
        answer(browser, *(("a", "b", "c", "0") if number == 5 else ("b", "a", str(1 + number % 5))))
    browser.wait_for("!document.getElementById('finish').hidden")
    browser.press("s")
    file = browser.downloaded()
    nothing_amiss(browser)

    told = read_answers(file)
    key, _ = read_key(built.key)
    assert [one.item for one in told.answers] == [one.opaque for one in key.showings["R1"]]
    assert told.complete
    assert told.answers[0].values == {"features": ["mucin"], "supports": 4}
    for number, one in enumerate(told.answers[1:]):
        features = ["none"] if number == 5 else ["mucin", "til"]
        assert one.values == {"features": features, "supports": "cannot_judge" if number == 5 else 1 + number % 5}
        assert one.shown < one.answered
    summary = import_answers([file], built.key, tmp_path / "t.csv").summary["readers"][0]
    assert (summary["answered"], summary["missing"], summary["out_of_order"]) == (12, [], 0)
    assert summary["too_fast"] == 12  # a machine
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 1 + 12 * 4
    assert analysed(browser, tmp_path / "t.csv", tmp_path / "analysis") == "Tile plausibility"


def test_what_is_missing_is_said_and_going_back_changes_and_counts(page, browser):
    browser.open(page, 1280, 800)
    browser.press("Enter")
    answer(browser, "4")
    assert browser.evaluate("document.getElementById('note').textContent") == "Please answer: Which features?"
    answer(browser, "a")
    browser.press("Enter")
    answer(browser, "a", "2")
    browser.wait_for(f"{WHERE} === 'Picture 2 of 12'")
    browser.press("Backspace")
    browser.wait_for(f"{WHERE} === 'Picture 1 of 12'")
    answer(browser, "5")
    browser.wait_for(f"{WHERE} === 'Picture 2 of 12'")
    browser.press("s")
    told = read_answers(browser.downloaded())
    assert (told.answers[1].values["supports"], told.answers[1].edits) == (5, 1)
    assert not told.complete
    nothing_amiss(browser)


def test_a_reader_goes_on_after_closing_and_on_another_computer(built, page, browser, tmp_path):
    browser.open(page, 1280, 800)
    browser.press("Enter")
    answer(browser, "a", "4")
    browser.press("Enter")
    answer(browser, "b", "3")
    browser.wait_for(f"{WHERE} === 'Picture 2 of 12'")
    # Closed and opened again: the browser kept it.
    browser.open(page, 1280, 800)
    browser.press("Enter")
    browser.wait_for(f"{WHERE} === 'Picture 2 of 12'")
    browser.press("s")
    file = browser.downloaded()
    nothing_amiss(browser)
    (tmp_path / "elsewhere").mkdir()
    elsewhere = Chromium(tmp_path / "elsewhere")
    try:
        _go_on(elsewhere, built, page, file, tmp_path)
    finally:
        elsewhere.close()


def _go_on(elsewhere, built, page, file, tmp_path):
    """Another computer has nothing but the kit and the file."""
    elsewhere.open(page, 1280, 800)
    spoiled = tmp_path / "spoiled.json"
    spoiled.write_text(file.read_text().replace('"supports": 3', '"supports": 2'))
    foreign = write_answers(tmp_path / "foreign.json", answers_of(built, "R2"))
    for name, word in ((spoiled, "damaged"), (foreign, "another kit"), (file, "2 answers loaded")):
        elsewhere.choose_file("#load", name)
        elsewhere.wait_for(f"document.getElementById('load-state').textContent.includes('{word}')")
        assert elsewhere.evaluate("document.getElementById('start').textContent").startswith(
            "Go on" if name == file else "Start"
        )
    elsewhere.press("Enter")
    elsewhere.wait_for(f"{WHERE} === 'Picture 2 of 12'")
    answer(elsewhere, "c", "1")
    elsewhere.wait_for(f"{WHERE} === 'Picture 3 of 12'")
    elsewhere.press("s")
    before, after = read_answers(file), read_answers(elsewhere.downloaded())
    assert after.answers[:2] == before.answers
    assert [one.values["supports"] for one in after.answers] == [4, 3, 1]
    assert len(after.sessions) == len(before.sessions) + 1
    nothing_amiss(elsewhere)


@pytest.fixture
def example_page(study, tmp_path):
    """The study file that comes along with its nine features, about drawn pictures, in German."""
    told = example_study()
    begin, end = told.index("slides ="), told.index("picture_px")
    text = told[:begin] + "frame = 0.5\nfield_um = 200.0\n" + told[end:]
    study.file.write_text(text.replace('language = "en"', 'language = "de"'), "utf-8")
    with zipfile.ZipFile(study.build(tmp_path / "out").kits[0]) as archive:
        archive.extractall(tmp_path / "example")
    return tmp_path / "example" / "index.html"


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_picture_and_questions_fit_the_window(example_page, browser, tmp_path, width, height):
    browser.open(example_page, width, height)
    browser.press("Enter")
    browser.wait_for(SHOWN)
    assert browser.evaluate("document.documentElement.scrollHeight <= window.innerHeight")
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    box = "document.getElementById('glass').getBoundingClientRect()"
    assert browser.evaluate(f"Math.abs({box}.width - {box}.height)") < 1
    assert browser.evaluate(f"{box}.width") >= 400
    browser.shoot(tmp_path / "shot.png")
    shot = cv2.imread(str(tmp_path / "shot.png")).astype(int)
    assert (shot[..., 2] > shot[..., 1] + 50).sum() > 100_000  # the tissue is there
    browser.press("z")
    assert (
        browser.evaluate("getComputedStyle(document.getElementById('moving')).transform") == "matrix(2, 0, 0, 2, 0, 0)"
    )
    assert browser.evaluate("document.getElementById('scale-text').textContent") == "20 µm"
    browser.press("z")
    assert browser.evaluate("document.getElementById('scale-text').textContent") == "50 µm"


def test_codebook_and_keys_open_and_close_and_swallow_the_other_keys(page, browser):
    browser.open(page, 1280, 800)
    browser.press("Enter")
    browser.wait_for(SHOWN)
    for key, name in (("k", "codebook"), ("?", "help")):
        browser.press(key)
        assert browser.evaluate(f"document.getElementById('{name}').open")
        browser.press("a", "4")
        assert browser.evaluate("document.querySelectorAll('#form :checked').length") == 0
        browser.press("Escape")
        assert not browser.evaluate(f"document.getElementById('{name}').open")
    nothing_amiss(browser)


def test_everything_that_is_used_has_a_name_a_label_and_contrast(page, browser):
    browser.open(page, 1280, 800)
    browser.press("Enter")
    browser.wait_for(SHOWN)
    nameless = """[...document.querySelectorAll('button, input, img, dialog, progress')].filter((one) =>
      !(one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') || one.alt || one.textContent.trim()
        || (one.labels && one.labels.length && one.labels[0].textContent.trim()))).map((one) => one.outerHTML)"""
    assert browser.evaluate(nameless) == []
    grouped = (
        "[...document.querySelectorAll('#form input')].every((one) => one.closest('fieldset').querySelector('legend'))"
    )
    assert browser.evaluate(grouped)
    weak = """(() => {
      const light = (c) => c.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
        .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
      const ground = (one) => { for (let at = one; at; at = at.parentElement) {
        const c = getComputedStyle(at).backgroundColor;
        if (!/, 0\\)$/.test(c) && c !== 'transparent') { return c; } } return 'rgb(255, 255, 255)'; };
      return [...document.querySelectorAll('body *')].filter((one) => one.offsetParent && [...one.childNodes]
        .some((node) => node.nodeType === 3 && node.textContent.trim())).filter((one) => {
          const a = light(getComputedStyle(one).color), b = light(ground(one));
          return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5; }).map((one) => one.outerHTML); })()"""
    assert browser.evaluate(weak) == []


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_screen_is_accessible(page, browser, width, height):
    browser.open(page.with_name("codebook.html"), width, height)
    assert browser.accessibility() == []
    browser.open(page, width, height)
    assert browser.accessibility() == []
    browser.press("Enter")
    browser.wait_for(SHOWN)
    assert browser.accessibility() == []
    for key in "k?":
        browser.press(key)
        assert browser.accessibility() == []
        browser.press("Escape")
    browser.press("z", "Enter")  # the tile alone, and what is missing is said
    assert browser.accessibility() == []
    answer(browser, "a", "4")
    browser.wait_for("!document.getElementById('feedback').hidden")
    assert browser.accessibility() == []
    browser.press("Enter")
    for number in range(12):
        browser.wait_for(f"{WHERE} === 'Picture {number + 1} of 12'")
        answer(browser, "b", "3")
    browser.wait_for("!document.getElementById('finish').hidden")
    assert browser.accessibility() == []
    nothing_amiss(browser)


def test_the_printed_codebook_explains_every_feature(page, browser):
    browser.open(page.with_name("codebook.html"), 820, 1180)
    text = browser.evaluate("document.body.innerText")
    for words in ("A Mucin", "Pools of it.", "C None", "Supports MSI?", "By morphology alone."):
        assert words in text
    nothing_amiss(browser)
