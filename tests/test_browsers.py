"""The drivers of the browsers hear what a page complains of and asks for; else their silence would prove nothing."""

from __future__ import annotations

import pytest

from tests.chromium import Chromium
from tests.firefox import Firefox

pytestmark = pytest.mark.browser

PAGE = """<!DOCTYPE html><html lang="en"><title>x</title><body><main><h1>x</h1><img src="http://example.invalid/a.png">
<input id="nameless"></main><script>console.error("said"); throw new Error("thrown")</script></body></html>"""


@pytest.mark.parametrize("kind", [Chromium, Firefox])
def test_errors_and_requests_are_heard(kind, tmp_path):
    (tmp_path / "page.html").write_text(PAGE)
    browser = kind(tmp_path)
    try:
        browser.open(tmp_path / "page.html", 800, 600)
        browser.evaluate("1")
        heard = " ".join(browser.complaints)
        assert "said" in heard
        assert "thrown" in heard
        assert any("example.invalid" in url for url in browser.requests)
        if isinstance(browser, Chromium):
            assert any(found.startswith("label:") for found in browser.accessibility())
    finally:
        browser.close()
