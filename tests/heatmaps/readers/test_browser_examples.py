"""The study files that come along, in a real browser."""

from __future__ import annotations

import pytest

from heatmaps.readers.kit.build import example_study
from tests.heatmaps.readers.browsing import (
    SIZES,
    assisted,
    at,
    fits,
    nothing_amiss,
    unpacked,
)
from tests.heatmaps.readers.template_studies import make_assistance, make_preference

pytestmark = pytest.mark.browser


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
