"""The viewer in a real browser: by keyboard alone, from the file system and from its server, with nobody to reach."""

from __future__ import annotations

import csv
import json
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from heatmaps.drawing.colours import colour
from heatmaps.report.make import Asked, make_report
from heatmaps.viewer.serve import viewer_server
from tests.chromium import Chromium

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.browser

SIZES = [(1280, 800), (820, 1180)]
OPEN = "document.documentElement.dataset.viewer === 'open'"
ARROWS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    browser = Chromium(tmp_path)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def pages(shared_case, tmp_path_factory) -> dict[str, Path]:
    """The same slide's report in both languages, and without its slide."""
    folder, case = tmp_path_factory.mktemp("pages"), shared_case
    for name, slide, language in (("en", case.slide, "en"), ("de", case.slide, "de"), ("absent", None, "en")):
        made = make_report(slide, case.model, case.features, Asked(language=language))
        (folder / f"{name}.html").write_text(made.html, "utf-8")
    return {name: folder / f"{name}.html" for name in ("en", "de", "absent")}


class Address:
    """What ``Chromium.open`` takes in place of a file."""

    def __init__(self, url: str) -> None:
        self.url = url

    def as_uri(self) -> str:
        return self.url


def text(browser: Chromium, name: str) -> str:
    return browser.evaluate(f"document.getElementById('{name}').textContent")


def arrow(browser: Chromium, key: str) -> None:
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=ARROWS[key])


def tab_to(browser: Chromium, name: str) -> None:
    for _ in range(60):
        if browser.evaluate("document.activeElement.id") == name:
            return
        browser.press("Tab")
    pytest.fail(f"{name} can't be reached with the Tab key")


def still_picture(browser: Chromium) -> None:
    """No animation, so that a key's effect is there at once."""
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])


def scores_of(made, target: str = "MSI") -> dict[str, np.ndarray]:
    with (made.folder / "scores.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def pixel(browser: Chromium) -> list[int]:
    """The layer's pixel in the middle of the picture."""
    return browser.evaluate(
        "(() => { const c = document.getElementById('layer'); return Array.from(c.getContext('2d').getImageData("
        "c.width / 2 | 0, c.height / 2 | 0, 1, 1).data); })()"
    )


def number(words: str) -> float:
    found = re.search(r"[+−-]?\d[\d.,]*", words)
    return float(found.group().replace("−", "-").replace(",", "."))


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("name", ["en", "de", "absent"])
def test_it_opens_without_a_network_or_a_complaint_and_is_accessible(pages, browser, name, width, height) -> None:
    browser.open(pages[name], width, height)
    browser.wait_for(OPEN)
    assert browser.accessibility() == []
    browser.evaluate("document.getElementById('show-keys').click()")
    assert browser.accessibility() == []
    assert browser.complaints == []
    assert {url.split(":")[0] for url in browser.requests} == {"file", "data"}
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert browser.evaluate("document.documentElement.dataset.broken") == "0"


def test_everything_goes_by_keyboard(pages, browser) -> None:
    still_picture(browser)
    browser.open(pages["en"], 1280, 800)
    browser.wait_for(OPEN)
    tab_to(browser, "picture")
    bar = "Number(document.getElementById('scalebar').dataset.um)"
    whole = browser.evaluate(bar)
    browser.press("+", "+", "+", "+", "+")
    browser.wait_for(f"{bar} < {whole}")
    browser.press("0")
    browser.wait_for(f"{bar} === {whole}")
    browser.press("o")
    assert text(browser, "out-opacity") == "80 %"
    assert browser.evaluate("document.getElementById('layer').style.opacity") == "0.8"
    browser.press("O", "O")
    assert text(browser, "out-opacity") == "90 %"
    tiles = text(browser, "shown")
    browser.press("t", "t")
    assert number(text(browser, "out-threshold")) > 0
    assert text(browser, "shown") != tiles
    browser.press("T", "T")
    assert text(browser, "shown") == tiles
    browser.press("m")
    assert browser.evaluate("document.getElementById('set-method').value") == "attention"
    assert "times the average tile" in text(browser, "clip")
    browser.press("g")
    assert browser.evaluate("document.getElementById('set-target').value") == "1"
    browser.press("c")
    assert browser.evaluate("document.getElementById('set-map').value") == "cividis"
    browser.press("h")
    assert browser.evaluate("document.getElementById('stage').dataset.tissue") == "he"
    browser.press("l")
    assert not browser.evaluate("document.getElementById('set-labels').checked")
    browser.press("?")
    assert browser.evaluate("document.getElementById('keys').open")
    browser.press("Escape")
    assert not browser.evaluate("document.getElementById('keys').open")
    # The settings are ordinary ones, too: each is reached with Tab and moved with the arrows.
    tab_to(browser, "set-opacity")
    arrow(browser, "ArrowLeft")
    assert text(browser, "out-opacity") == "89 %"
    tab_to(browser, "set-threshold")
    arrow(browser, "ArrowRight")
    assert number(text(browser, "out-threshold")) > 0
    assert browser.complaints == []


def test_arrows_bring_tiles_under_the_cross_and_read_them(pages, browser, made) -> None:
    still_picture(browser)
    browser.open(pages["en"], 1280, 800)
    browser.wait_for(OPEN)
    tab_to(browser, "picture")
    browser.press("n")
    first = browser.evaluate("document.getElementById('readout').dataset.tile")
    arrow(browser, "ArrowRight")
    arrow(browser, "ArrowRight")
    browser.wait_for(f"document.getElementById('readout').dataset.tile !== '{first}'")
    scores, tile = scores_of(made), int(browser.evaluate("document.getElementById('readout').dataset.tile"))
    assert scores["x0"][tile] > scores["x0"][int(first)]
    assert scores["y0"][tile] == scores["y0"][int(first)]


@pytest.mark.parametrize("name", ["en", "de"])
def test_numbers_and_colours_are_those_of_the_score_table(pages, browser, made, name) -> None:
    still_picture(browser)
    browser.open(pages[name], 1280, 800)
    browser.wait_for(OPEN)
    scores, facts = scores_of(made), json.loads((made.folder / "heatmap.json").read_text("utf-8"))
    clip = facts["targets"][0]["scale"]["clip"]
    attention_clip = np.percentile(scores["attention_x_uniform_MSI"], 99, method="higher")
    tab_to(browser, "picture")
    seen = set()
    for _ in range(4):
        browser.press("n")
        tile = int(browser.evaluate("document.getElementById('readout').dataset.tile"))
        seen.add(tile)
        share, attention = scores["contribution_MSI"][tile], scores["attention_x_uniform_MSI"][tile]
        box = browser.evaluate(
            "(() => { const b = document.getElementById('stage').getBoundingClientRect();"
            "return [b.left + b.width / 2, b.top + b.height / 2]; })()"
        )
        browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0] + 3, y=box[1] + 3)
        browser.wait_for("!document.getElementById('tip').hidden")
        lines = browser.evaluate("Array.from(document.querySelectorAll('#tip p')).map((p) => p.textContent)")
        assert number(lines[0]) == tile
        place = [number(part) for part in lines[0].split(": ")[1].split(", ")]
        if name == "en":
            assert place == pytest.approx([scores["x_um"][tile] / 1000, scores["y_um"][tile] / 1000], abs=0.00501)
        assert number(lines[1].split(": ")[1]) == pytest.approx(share, rel=0.005)
        assert number(lines[2].split(": ")[1]) == pytest.approx(attention, rel=0.005)
        for values, end, signed in ((share, clip, True), (attention, attention_clip, False)):
            expected = [*colour(np.array([values]), end, signed)[0].tolist(), 255]
            assert np.abs(np.array(pixel(browser)) - expected).max() <= 1, (tile, signed)
            browser.press("m")
        browser.press("m")
    assert len(seen) == 4
    # Beside the tiles there is no colour, and what is weaker than the threshold has none either.
    browser.evaluate(
        "const t = document.getElementById('set-threshold'); t.value = 100;t.dispatchEvent(new Event('input'))"
    )
    assert abs(scores["contribution_MSI"][tile]) < clip
    assert pixel(browser)[3] == 0


def test_colours_multiply_with_the_tissue_in_grey(pages, browser, made, tmp_path) -> None:
    """What the screen shows is what the overlay's formula gives."""
    still_picture(browser)
    browser.open(pages["absent"], 1280, 800)
    browser.wait_for(OPEN)
    tab_to(browser, "picture")
    browser.press("l", "n")
    tile = int(browser.evaluate("document.getElementById('readout').dataset.tile"))
    browser.evaluate("document.getElementById('stage').scrollIntoView(); document.activeElement.blur()")
    box = browser.evaluate(
        "(() => { const b = document.getElementById('stage').getBoundingClientRect();"
        "return [b.left + b.width / 2, b.top + b.height / 2]; })()"
    )
    shot = tmp_path / "shot.png"
    facts = json.loads((made.folder / "heatmap.json").read_text("utf-8"))
    ink = colour(scores_of(made)["contribution_MSI"][[tile]], facts["targets"][0]["scale"]["clip"])[0] / 255
    ground = 255 - (255 - 225) * 0.45
    for opacity in (0.85, 0.0):
        slider = f"const s = document.getElementById('set-opacity'); s.value = {100 * opacity}"
        browser.evaluate(f"(() => {{ {slider}; s.dispatchEvent(new Event('input')); }})()")
        browser.shoot(shot)
        found = cv2.imread(str(shot))[round(box[1]), round(box[0]), ::-1].astype(float)
        assert found == pytest.approx(ground * (1 - opacity * (1 - ink)), abs=3), opacity


def test_a_tile_below_jumps_to_its_place(pages, browser) -> None:
    still_picture(browser)
    browser.open(pages["en"], 1280, 800)
    browser.wait_for(OPEN)
    for index in (0, -1):
        wanted = browser.evaluate(
            f"(() => {{ const b = Array.from(document.querySelectorAll('button[data-tile]')).at({index}); b.click();"
            "return [b.dataset.tile, b.dataset.target]; })()"
        )
        assert browser.evaluate("document.getElementById('readout').dataset.tile") == wanted[0]
        assert browser.evaluate("document.getElementById('set-target').value") == wanted[1]
        assert browser.evaluate("document.activeElement.id") == "picture"


@contextmanager
def running(server) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_slide_at_full_resolution_is_served_to_the_browser(browser, shared_case, made, language) -> None:
    still_picture(browser)
    with viewer_server(shared_case.slide, made.folder, language) as server, running(server):
        browser.open(Address(server.url), 1280, 800)
        browser.wait_for(OPEN)
        tab_to(browser, "picture")
        browser.press("n")
        tile = int(browser.evaluate("document.getElementById('readout').dataset.tile"))
        scores = scores_of(made)
        assert scores["contribution_MSI"][tile] == scores["contribution_MSI"].max()
        assert browser.accessibility() == []
        assert browser.complaints == []
        assert all(url.startswith(("data:", server.url.rsplit("/", 2)[0])) for url in browser.requests)
        assert sum("/tiles/" in url for url in browser.requests) > 0
