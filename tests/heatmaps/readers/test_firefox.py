"""The same kit in the other browser."""

from __future__ import annotations

import zipfile

import pytest

from heatmaps.readers.answers.answer_file import read_answers
from heatmaps.readers.answers.import_answers import import_answers
from tests.firefox import Firefox
from tests.heatmaps.readers.template_studies import make_assistance, make_preference

pytestmark = pytest.mark.browser

SHOWN = "document.getElementById('picture-state').textContent === '' && document.getElementById('picture').naturalWidth"


def test_a_whole_kit_by_keyboard_in_firefox(built, tmp_path):
    with zipfile.ZipFile(built.kits[0]) as archive:
        archive.extractall(tmp_path / "kit")
    browser = Firefox(tmp_path)
    try:
        browser.open(tmp_path / "kit" / "index.html", 1280, 800)
        browser.press("Enter")
        browser.wait_for(SHOWN)
        browser.press("a", "4", "Enter", "Enter")
        for number in range(12):
            browser.wait_for(f"document.getElementById('where').textContent === 'Picture {number + 1} of 12'")
            browser.wait_for(SHOWN)
            browser.press("b", str(1 + number % 5), "Enter")
        browser.wait_for("!document.getElementById('finish').hidden")
        browser.press("s")
        file = browser.downloaded()
        assert browser.complaints == []
        assert {url.split(":")[0] for url in browser.requests} <= {"file", "blob", "data"}
    finally:
        browser.close()
    assert read_answers(file).complete
    summary = import_answers([file], built.key, tmp_path / "t.csv").summary["readers"][0]
    assert (summary["answered"], summary["missing"], summary["out_of_order"]) == (12, [], 0)


def test_pairs_and_cases_by_keyboard_in_firefox(tmp_path):
    """Both panes move, first answers stay, and the files are imported."""
    pairs = make_preference(tmp_path / "pairs", 5).build(tmp_path / "pairs-out")
    cases = make_assistance(tmp_path / "cases", 3).build(tmp_path / "cases-out")
    for built, name in ((pairs, "pairs"), (cases, "cases")):
        with zipfile.ZipFile(built.kits[0]) as archive:
            archive.extractall(tmp_path / name / "kit")
    browser = Firefox(tmp_path)

    def at(where):
        browser.wait_for(f"document.getElementById('where').textContent === '{where}'")
        browser.wait_for("document.getElementById('picture-state').textContent === ''")

    try:
        browser.open(tmp_path / "pairs" / "kit" / "index.html", 1280, 800)
        browser.press("Enter")
        at("Training case 1 of 1")
        browser.press("4", "2", "l", "Enter", "Enter")
        for number in range(1, 7):
            at(f"Pair {number} of 6")
            browser.press("+", "5", "1", "r")
            moved = "[...document.querySelectorAll('.moving')].map((one) => one.style.transform)"
            browser.wait_for(f"{moved}.every((one) => one.includes('scale(1.5)'))")
            browser.press("Enter")
        browser.wait_for("!document.getElementById('finish').hidden")
        browser.press("s")
        first = browser.downloaded()
        browser.open(tmp_path / "cases" / "kit" / "index.html", 1280, 800)
        browser.press("Enter")
        for where in ("Training case 1 of 1", *(f"Case {number} of 3" for number in (1, 2, 3))):
            browser.wait_for("document.getElementById('ai').hidden")
            at(where)
            browser.press("3", "5", "Enter", "4", "n", "Enter")
            browser.wait_for("!document.getElementById('ai').hidden")
            at(where)
            browser.press("7", "0", "Enter")
            if "Training" in where:
                browser.press("Enter")
        browser.wait_for("!document.getElementById('finish').hidden")
        browser.press("s")
        second = browser.downloaded()
        assert browser.complaints == []
    finally:
        browser.close()
    assert import_answers([first], pairs.key, tmp_path / "p.csv").summary["readers"][0]["missing"] == []
    assert import_answers([second], cases.key, tmp_path / "c.csv").summary["readers"][0]["missing"] == []
    told = read_answers(second)
    assert [one.values["likelihood"] for one in told.answers] == [35, 70] * 4
