"""Pairs of heatmaps, and cases with and without AI, in a real browser: by keyboard alone, with nobody to reach."""

from __future__ import annotations

import csv
import zipfile
from datetime import UTC, datetime, timedelta

import cv2
import pytest

from heatmaps.readers.answers.answer_file import read_answers
from heatmaps.readers.answers.import_answers import import_answers
from heatmaps.readers.kit.build import example_study
from heatmaps.readers.kit.key import read_key
from tests.chromium import Chromium
from tests.heatmaps.readers.answering import answers_with, write_answers
from tests.heatmaps.readers.template_studies import make_assistance, make_preference

pytestmark = pytest.mark.browser

SHOWN = "document.getElementById('picture-state').textContent === '' && !document.getElementById('desk').hidden"
SIZES = [(1280, 800), (820, 1180)]


@pytest.fixture
def browser(tmp_path):
    browser = Chromium(tmp_path)
    yield browser
    browser.close()


def text(browser, name):
    return browser.evaluate(f"document.getElementById('{name}').textContent")


def unpacked(built, folder, reader=0):
    with zipfile.ZipFile(built.kits[reader]) as archive:
        archive.extractall(folder)
    return folder / "index.html"


def at(browser, where):
    browser.wait_for(f"document.getElementById('where').textContent === '{where}' && {SHOWN}")


def assisted(browser):
    """The AI's output is there, and the pictures are."""
    browser.wait_for(f"!document.getElementById('ai').hidden && {SHOWN}")


def ended(browser):
    browser.wait_for("!document.getElementById('finish').hidden")


def fits(browser):
    assert browser.evaluate("document.documentElement.scrollHeight <= window.innerHeight")
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def nothing_amiss(browser):
    assert browser.complaints == []
    assert browser.requests
    assert {url.split(":")[0] for url in browser.requests} <= {"file", "blob", "data"}


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


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
    nothing_amiss(browser)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_whole_sequential_kit_locks_first_answers_and_goes_to_the_table(browser, tmp_path, width, height):
    built = make_assistance(tmp_path / "study", 3).build(tmp_path / "out")
    browser.open(unpacked(built, tmp_path / "kit"), width, height)
    assert browser.accessibility() == []
    browser.press("Enter")
    at(browser, "Training case 1 of 1")
    assert browser.evaluate("document.getElementById('ai').hidden && document.querySelector('.tint').hidden")
    assert browser.accessibility() == []
    browser.press("3", "5", "Enter", "4", "n", "Enter")
    assisted(browser)
    assert text(browser, "ai-value") == "35 %"
    assert browser.evaluate("[...document.querySelectorAll('.first')].map((one) => one.textContent)") == [
        "Your first answer: 35",
        "Your first answer: 4",
        "Your first answer: No",
    ]
    browser.press("Enter")  # the likelihood is marked, and nothing is open: the answer stays, and the feedback comes
    browser.wait_for("!document.getElementById('feedback').hidden")
    browser.press("Enter")
    for number in range(1, 4):
        at(browser, f"Case {number} of 3")
        browser.wait_for("document.getElementById('ai').hidden")
        fits(browser)
        browser.press("2", "0", "Enter", "2", "n", "Enter")
        assisted(browser)
        fits(browser)
        assert browser.accessibility() == []
        if number == 2:
            # Back goes to the case before, never to a first answer.
            browser.press("Backspace")
            at(browser, "Case 1 of 3")
            assert not browser.evaluate("document.getElementById('ai').hidden")
            browser.press("q", "q", "y")
            browser.press("Enter")
            at(browser, "Case 2 of 3")
        browser.press("9", "0", "Enter") if number == 3 else browser.press("8", "5", "Enter")
    ended(browser)
    browser.press("s")
    file = browser.downloaded()
    nothing_amiss(browser)
    import_answers([file], built.key, tmp_path / "t.csv")
    rows = table(tmp_path / "t.csv")
    assert len(rows) == 3 * 2 * 3
    found = {(row["position"], row["reading"], row["question"]): row["answer"] for row in rows}
    assert [found[str(n), "before", "likelihood"] for n in (1, 2, 3)] == ["20"] * 3
    assert [found[str(n), "with", "likelihood"] for n in (1, 2, 3)] == ["85", "85", "90"]
    assert [found[str(n), "with", "decision"] for n in (1, 2, 3)] == ["1", "0", "0"]
    assert [found[str(n), "before", "decision"] for n in (1, 2, 3)] == ["0"] * 3


def test_a_locked_first_answer_cannot_be_changed_by_any_control(browser, tmp_path):
    built = make_assistance(tmp_path / "study", 3).build(tmp_path / "out")
    browser.open(unpacked(built, tmp_path / "kit"), 1280, 800)
    browser.press("Enter")
    at(browser, "Training case 1 of 1")
    browser.press("3", "5", "Enter", "4", "n", "Enter")
    assisted(browser)
    browser.press("Enter", "Enter")
    at(browser, "Case 1 of 3")
    browser.press("2", "0", "Enter", "2", "n", "Enter")
    assisted(browser)
    assert browser.evaluate("document.getElementById('back').disabled") is False
    browser.press("Backspace")
    at(browser, "Training case 1 of 1")
    browser.press("7", "7", "y")
    browser.press("s")
    first = read_answers(browser.downloaded())
    assert [one.values["likelihood"] for one in first.answers] == [35, 35, 20]
    assert [one.edits for one in first.answers] == [0, 0, 0]


@pytest.fixture
def crossed(tmp_path):
    """A crossover whose first day is long past and whose second has no day of its own."""
    study = make_assistance(tmp_path / "study", 4, crossover=True)
    study.change('"2026-05-04", "2026-05-20"', '"2026-05-04"')
    return study.build(tmp_path / "out")


def test_the_second_session_waits_for_the_washout_and_then_opens(browser, crossed, tmp_path):
    page = unpacked(crossed, tmp_path / "kit")
    browser.open(page, 1280, 800)
    browser.press("Enter")
    at(browser, "Session 1 · Training case 1 of 1")
    browser.press("3", "5", "Enter", "4", "n", "Enter", "Enter")
    shown = []
    for number in range(1, 5):
        at(browser, f"Session 1 · Case {number} of 4")
        shown.append(browser.evaluate("document.getElementById('ai').hidden"))
        browser.press("2", "0", "Enter", "2", "n", "Enter")
    assert sorted(shown) == [False, False, True, True]
    ended(browser)
    assert text(browser, "finish-title") == "This session is done. Thank you."
    assert "The next session opens on" in text(browser, "finish-text")
    assert browser.evaluate("document.getElementById('review').hidden")
    assert browser.accessibility() == []
    browser.press("s")
    told = read_answers(browser.downloaded())
    browser.open(page, 1280, 800)
    assert browser.evaluate("document.getElementById('start').disabled")
    assert text(browser, "closed").startswith("Session 2 opens on")
    assert browser.accessibility() == []
    browser.press("Enter")
    assert not browser.evaluate("document.getElementById('welcome').hidden")
    nothing_amiss(browser)
    assert len(told.answers) == 5

    # The same answers, three weeks ago: the second session is open, in another order, with the other half assisted.
    def move(answers):
        back = datetime.now(UTC) - timedelta(days=21)
        for number, one in enumerate(answers["answers"]):
            shown_at, answered_at = (back + timedelta(seconds=12 * number + n) for n in (0, 11))
            for name, moment in (("shown", shown_at), ("answered", answered_at)):
                one[name] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        answers["answers"] = answers["answers"][:5]
        answers["complete"] = False

    def values(key, one):
        return {"likelihood": 20, "confidence": 2, "decision": 0}

    early = write_answers(tmp_path / "early.json", answers_with(crossed, "R1", values), move)
    (tmp_path / "later").mkdir()
    later = Chromium(tmp_path / "later")
    try:
        later.open(page, 820, 1180)
        later.choose_file("#load", early)
        later.wait_for("document.getElementById('load-state').textContent === '5 answers loaded.'")
        later.press("Enter")
        for number in range(1, 5):
            at(later, f"Session 2 · Case {number} of 4")
            if number == 1:
                assert later.evaluate("document.getElementById('back').disabled")
                later.press("Backspace")
                at(later, "Session 2 · Case 1 of 4")
            later.press("7", "0", "Enter", "3", "y", "Enter")
        ended(later)
        later.press("s")
        file = later.downloaded()
        nothing_amiss(later)
    finally:
        later.close()
    summary = import_answers([early, file], crossed.key, tmp_path / "t.csv").summary["readers"][0]
    assert (summary["answered"], summary["missing"], summary["washout"], summary["answered_twice"]) == (8, [], 0, 0)
    rows = table(tmp_path / "t.csv")
    assert {row["answer"] for row in rows if row["session"] == "2" and row["question"] == "likelihood"} == {"70"}
    key, _ = read_key(crossed.key)
    assert len({(row["item"], row["reading"]) for row in rows}) == 2 * sum(one.kind == "study" for one in key.items)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("template", ["heatmap-preference", "ai-assistance"])
def test_the_examples_fit_the_window_and_are_accessible_on_every_screen(browser, tmp_path, template, width, height):
    """The German study files that come along, whose texts are longer than those of the tests."""
    make = make_preference if template == "heatmap-preference" else make_assistance
    study = make(tmp_path / "study")
    told = example_study(template).replace('language = "en"', 'language = "de"')
    kept = [line for line in told.splitlines() if not line.startswith(("slides =", "tile_um ="))]
    study.file.write_text("\n".join(kept).replace("[items]\n", "[items]\nfield_um = 9000.0\n"), "utf-8")
    study.change("repeats = 0.1" if template == "heatmap-preference" else "repeats = 0.0", "repeats = 0.0")
    browser.open(unpacked(study.build(tmp_path / "out"), tmp_path / "kit"), width, height)
    assert browser.accessibility() == []
    browser.press("Enter")
    at(browser, "Übungsfall 1 von 1")
    fits(browser)
    for key in "k?":
        browser.press(key)
        assert browser.accessibility() == []
        browser.press("Escape")
    if template == "ai-assistance":
        browser.press("4", "0", "Enter", "3", "j", "Enter")
        assisted(browser)
        fits(browser)
    box = "document.querySelector('.glass').getBoundingClientRect()"
    assert browser.evaluate(f"Math.min({box}.width, {box}.height)") >= 350
    assert browser.accessibility() == []
    nothing_amiss(browser)
