"""Sessions of a kit in a real browser: on their days, and far enough apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from heatmaps.readers.answers.answer_file import read_answers
from heatmaps.readers.answers.import_answers import import_answers
from heatmaps.readers.kit.key import read_key
from tests.chromium import Chromium
from tests.heatmaps.readers.answering import answers_with, write_answers
from tests.heatmaps.readers.browsing import (
    at,
    ended,
    nothing_amiss,
    table,
    text,
    unpacked,
)
from tests.heatmaps.readers.template_studies import make_assistance

pytestmark = pytest.mark.browser


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


def test_a_kit_stays_closed_before_its_day(browser, tmp_path):
    study = make_assistance(tmp_path / "study", 3)
    study.change('design = "sequential"', 'design = "sequential"\nnot_before = ["2999-03-04"]')
    browser.open(unpacked(study.build(tmp_path / "out"), tmp_path / "kit"), 820, 1180)
    assert browser.evaluate("document.getElementById('start').disabled")
    assert text(browser, "closed").startswith("Session 1 opens on March 4, 2999")
    assert browser.accessibility() == []
    browser.press("Enter")
    assert not browser.evaluate("document.getElementById('welcome').hidden")
    nothing_amiss(browser)
