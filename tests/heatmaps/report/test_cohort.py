"""The page of a cohort."""

from __future__ import annotations

import base64
import json
import shutil
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from heatmaps.report.cohort import CohortAsked, make_cohort_page
from heatmaps.report.cohort_map import map_uri
from heatmaps.report.make import short_name
from pipelines.errors import ConfigError, InputError
from tests.chromium import Chromium
from tests.heatmaps.report.parsed import Page

if TYPE_CHECKING:
    from pathlib import Path

PROBABILITIES = {"case 7": None, "case 8": 0.11, "case 9": 0.93}


@pytest.fixture(scope="session")
def cohort(made, tmp_path_factory) -> Path:
    """Three slides' heatmaps; those of 8 and 9 are 7's with another name and result."""
    folder = tmp_path_factory.mktemp("cohort")
    for name, probability in PROBABILITIES.items():
        shutil.copytree(made.folder, folder / name)
        path = folder / name / "heatmap.json"
        facts = json.loads(path.read_text("utf-8"))
        if probability is not None:
            facts["slide"]["id"] = name
            facts["tiles"]["features_sha256"] = name[-1] * 64
            facts["targets"][0]["probability"] = probability
        path.write_text(json.dumps(facts), "utf-8")
    return folder


def test_every_slide_has_its_row_map_and_numbers(cohort, made) -> None:
    html, document = make_cohort_page(cohort, CohortAsked(identify=True, beside=cohort))
    page = Page(html)
    rows = {attrs["data-name"]: attrs for attrs in page.all("tr") if "data-name" in attrs}
    assert set(rows) == set(PROBABILITIES)
    assert float(rows["case 9"]["data-p0"]) == 0.93
    assert float(rows["case 7"]["data-p0"]) == made.scores[0].probability
    assert [row["targets"][0]["probability"] for row in document["slides"]][1:] == [0.11, 0.93]
    maps = [image["src"] for image in page.all("img")]
    assert len(maps) == 6
    raw = cv2.imread(str(made.folder / "raw-MSI.png"), cv2.IMREAD_UNCHANGED)
    shown = decoded(maps[0])
    assert (shown[..., 3] == raw[..., 3]).all()
    assert (shown[raw[..., 3] > 0] == raw[raw[..., 3] > 0]).all()
    links = [attrs["href"] for attrs in page.all("a")]
    assert links == ["case%207/report.html", "case%208/report.html", "case%209/report.html"]
    # One bar per group of probabilities that has slides.
    assert html.count("</title></rect>") >= 3


def decoded(uri: str) -> np.ndarray:
    data = base64.b64decode(uri.removeprefix("data:image/webp;base64,"), validate=True)
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def test_large_maps_are_averaged_where_there_are_tiles() -> None:
    large = np.zeros((300, 420, 4), np.uint8)
    large[50:250, 100:300] = (33, 102, 172, 255)
    _, png = cv2.imencode(".png", large)
    small = decoded(map_uri(png.tobytes()))
    assert small.shape == (86, 120, 4)
    assert np.abs(small[43, 57].astype(int) - (33, 102, 172, 255)).max() < 2
    assert small[5, 5, 3] == 0
    # At the border the colour stays what it is, and covers less.
    edge = small[small[..., 3] > 60]
    assert np.abs(edge[:, :3].astype(int) - (33, 102, 172)).max() < 4


def test_without_identify_no_name_and_no_link_is_there(cohort, made) -> None:
    html, _ = make_cohort_page(cohort, CohortAsked(language="de"))
    assert "case" not in html.replace("aseline", "")
    assert not Page(html).all("a")
    facts = json.loads((made.folder / "heatmap.json").read_text("utf-8"))
    assert short_name(facts["tiles"]["features_sha256"]) in html


def test_what_is_damaged_or_not_there_is_named(cohort, tmp_path) -> None:
    with pytest.raises(InputError, match="holds no heatmap"):
        make_cohort_page(tmp_path, CohortAsked())
    with pytest.raises(ConfigError, match="no heatmap of the target KRAS"):
        make_cohort_page(cohort, CohortAsked(targets=("KRAS",)))
    folder = shutil.copytree(cohort, tmp_path / "copy")
    (folder / "case 8" / "raw-MSI.png").write_bytes(b"x")
    with pytest.raises(InputError, match=r"case 8/raw-MSI\.png is not the file"):
        make_cohort_page(folder, CohortAsked())
    (folder / "case 8" / "heatmap.json").write_text("{}", "utf-8")
    with pytest.raises(InputError, match=r"case 8/heatmap\.json can't be read"):
        make_cohort_page(folder, CohortAsked())


def test_several_models_are_told_and_an_evaluation_needs_one(cohort, tmp_path) -> None:
    folder = shutil.copytree(cohort, tmp_path / "copy")
    path = folder / "case 8" / "heatmap.json"
    path.write_text(path.read_text("utf-8").replace('"sha256": "', '"sha256": "ff', 1), "utf-8")
    assert "come from 2 models" in make_cohort_page(folder, CohortAsked())[0]
    with pytest.raises(ConfigError, match="2 models"):
        make_cohort_page(folder, CohortAsked(evaluation=tmp_path))


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (820, 1180)])
def test_it_sorts_and_filters_by_keyboard_and_is_accessible(cohort, tmp_path, language, width, height) -> None:
    html, _ = make_cohort_page(cohort, CohortAsked(language=language, identify=True, beside=tmp_path))
    (tmp_path / "cohort.html").write_text(html, "utf-8")
    browser = Chromium(tmp_path)
    try:
        browser.open(tmp_path / "cohort.html", width, height)
        assert browser.accessibility() == []
        names = "Array.from(document.querySelectorAll('tbody tr:not([hidden])'), (row) => row.dataset.name).join()"
        for _ in range(40):
            if browser.evaluate("document.activeElement.closest('[data-key=p0]') !== null"):
                break
            browser.press("Tab")
        browser.press("Enter")
        order = browser.evaluate(names)
        browser.press("Enter")
        assert browser.evaluate(names).split(",") == order.split(",")[::-1]
        assert order.index("case 8") < order.index("case 9")
        browser.evaluate("document.getElementById('least').focus(); document.getElementById('least').select()")
        browser.press("9", "0")
        left = browser.evaluate(names).split(",")
        assert "case 9" in left
        assert "case 8" not in left
        browser.evaluate("document.getElementById('find').focus()")
        browser.press("9")
        assert browser.evaluate(names) == "case 9"
        assert "1" in browser.evaluate("document.getElementById('shown').textContent")
        assert browser.accessibility() == []
        assert browser.complaints == []
        assert {url.split(":")[0] for url in browser.requests} == {"file", "data"}
    finally:
        browser.close()
