"""The report in both browsers, each of which tells every request."""

from __future__ import annotations

import pytest

from tests.chromium import Chromium
from tests.firefox import Firefox

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("kind", [Chromium, Firefox])
def test_report_shows_every_picture_and_asks_nobody(kind, made, tmp_path) -> None:
    report = made.folder / "report.html"
    browser = kind(tmp_path)
    try:
        browser.open(report, 1280, 1400)
        # The scripts ran, so the policy allows them: the viewer that needs them is open.
        browser.wait_for("document.documentElement.dataset.viewer === 'open'")
        told = browser.evaluate("({...document.documentElement.dataset})")
        assert int(told["images"]) == report.read_text("utf-8").count("<img ") > 0
        assert told["broken"] == "0"
        assert browser.evaluate("document.documentElement.classList.contains('live')")
        assert browser.complaints == []
        assert {url.split(":")[0] for url in browser.requests} <= {"file", "data", "blob"}
    finally:
        browser.close()


def test_report_looks_like_something(chromium: Chromium, made, tmp_path) -> None:
    chromium.open(made.folder / "report.html", 1280, 1400)
    chromium.wait_for("document.documentElement.dataset.viewer === 'open'")
    red, _, blue = (chromium.pixels(tmp_path / "shot.png")[..., channel] for channel in range(3))
    # The style and the tint are there: patches of the map's two ends lie on the page.
    assert (red > blue + 90).sum() > 2000
    assert (blue > red + 90).sum() > 2000
