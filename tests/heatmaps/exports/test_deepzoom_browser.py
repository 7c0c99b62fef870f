"""The Deep Zoom layer in OpenSeadragon, from the file system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import pytest

import heatmaps.viewer
from tests.chromium import Chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser
OPENSEADRAGON = Path(heatmaps.viewer.__file__).parent / "vendor" / "openseadragon" / "openseadragon.min.js"
PAGE = """<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>layer</title>
<body style="margin:0"><div id="v" style="width:600px;height:450px;background:#ffffff"></div>
<script src="osd.js"></script><script>
const image = new DOMParser().parseFromString(`@DZI@`, "text/xml").documentElement;
const size = image.firstElementChild;
window.failed = [];
const viewer = OpenSeadragon({id: "v", drawer: "canvas", showNavigationControl: false, imageSmoothingEnabled: false,
  immediateRender: true, tileSources: {Image: {xmlns: image.namespaceURI, Url: "deepzoom-MSI_files/",
  Format: image.getAttribute("Format"), Overlap: image.getAttribute("Overlap"),
  TileSize: image.getAttribute("TileSize"), Size: {Width: size.getAttribute("Width"),
  Height: size.getAttribute("Height")}}}});
viewer.addHandler("tile-load-failed", (event) => failed.push(event.tile.getUrl()));
</script></html>"""


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    chromium = Chromium(tmp_path)
    yield chromium
    chromium.close()


def test_openseadragon_shows_the_planted_tiles_where_they_lie(browser: Chromium, case, tmp_path: Path) -> None:
    folder = case.make(tmp_path / "out", targets=["MSI"], exports=["deepzoom"]).folder
    (folder / "osd.js").write_bytes(OPENSEADRAGON.read_bytes())
    described = (folder / "deepzoom-MSI.dzi").read_text("utf-8").split("?>", 1)[1].strip()
    (folder / "page.html").write_text(PAGE.replace("@DZI@", described), "utf-8")
    browser.open(folder / "page.html", 800, 600)
    browser.wait_for("viewer.world.getItemCount() === 1 && viewer.world.getItemAt(0).getFullyLoaded()")
    assert browser.evaluate("failed") == []
    assert browser.complaints == []
    browser.shoot(tmp_path / "layer.png")
    picture = cv2.imread(str(tmp_path / "layer.png"))[:450, :600, ::-1].astype(int)
    # 600 px of the slide on 600 px of the page; planted squares lie at 160..256 x 128..224 and 352..448 x 224..320.
    redness = picture[..., 0] - picture[..., 2]
    inside_for, inside_against = redness[130:222, 162:254], redness[226:318, 354:446]
    assert inside_for.min() > 80
    assert inside_against.max() < -80
    redness[126:226, 158:258] = redness[222:322, 350:450] = 0
    assert abs(redness).max() < 40
