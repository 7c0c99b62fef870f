"""Cases with and without AI in a real browser: by keyboard alone, with nobody to reach."""

from __future__ import annotations

import pytest

from heatmaps.readers.answers.answer_file import read_answers
from heatmaps.readers.answers.import_answers import import_answers
from tests.chromium import Chromium
from tests.heatmaps.readers.browsing import (
    SIZES,
    analysed,
    assisted,
    at,
    at_the_first_case,
    ended,
    fits,
    nothing_amiss,
    table,
    text,
    unpacked,
)
from tests.heatmaps.readers.template_studies import make_assistance

pytestmark = pytest.mark.browser


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
    assert analysed(browser, tmp_path / "t.csv", tmp_path / "analysis") == "Reading with and without AI"


def test_a_locked_first_answer_cannot_be_changed_by_any_control(browser, tmp_path):
    built = make_assistance(tmp_path / "study", 3).build(tmp_path / "out")
    at_the_first_case(browser, unpacked(built, tmp_path / "kit"))
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


def test_between_the_stages_a_reader_goes_on_elsewhere_with_the_first_answer_locked(browser, tmp_path):
    built = make_assistance(tmp_path / "study", 3).build(tmp_path / "out")
    page = unpacked(built, tmp_path / "kit")
    at_the_first_case(browser, page, 820, 1180)
    browser.press("6", "1", "Enter", "2", "n", "Enter")
    assisted(browser)
    browser.press("s")
    file = browser.downloaded()
    (tmp_path / "elsewhere").mkdir()
    elsewhere = Chromium(tmp_path / "elsewhere")
    try:
        elsewhere.open(page, 820, 1180)
        elsewhere.choose_file("#load", file)
        elsewhere.wait_for("document.getElementById('load-state').textContent === '3 answers loaded.'")
        elsewhere.press("Enter")
        at(elsewhere, "Case 1 of 3")
        assisted(elsewhere)
        assert elsewhere.evaluate("document.querySelector('.first').textContent") == "Your first answer: 61"
        elsewhere.press("8", "0", "Enter")
        at(elsewhere, "Case 2 of 3")
        elsewhere.press("s")
        told = read_answers(elsewhere.downloaded())
        nothing_amiss(elsewhere)
    finally:
        elsewhere.close()
    assert [one.values["likelihood"] for one in told.answers] == [35, 35, 61, 80]
