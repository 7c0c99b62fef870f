"""The same kit in the other browser."""

from __future__ import annotations

import zipfile

import pytest

from heatmaps.readers.answers.answer_file import read_answers
from heatmaps.readers.answers.import_answers import import_answers
from tests.firefox import Firefox

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
