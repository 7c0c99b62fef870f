from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from heatmaps.drawing.wording import odds_factor, percent, signed_significant, times
from heatmaps.report.tables import flat
from models.model_file import load_model, save_model
from models.predict import predict_bag
from pipelines.features import read_features, write_features
from tests.heatmaps.report.parsed import Page

if TYPE_CHECKING:
    from pathlib import Path

LOADING = {"src", "href", "srcset", "data", "action", "poster", "background", "xlink:href"}


@pytest.fixture
def html(made) -> str:
    return (made.folder / "report.html").read_text("utf-8")


def test_it_asks_no_network_for_anything(html: str) -> None:
    page = Page(html)
    # The vendored library names addresses (namespaces, its home page) and the data cannot load anything.
    _, _, *own = page.scripts
    assert len(own) == 2
    for text in (page.words, page.style, *own):
        assert not re.search(r"https?://", text)
    assert not re.search(r"@import|url\(", page.style)
    for tag, attrs in page.elements:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        for name in LOADING & attrs.keys():
            assert attrs[name].startswith(("data:image/", "#")), (tag, name)


def test_policy_forbids_the_network_and_allows_exactly_its_own_script_and_style(html: str) -> None:
    page = Page(html)
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:;")
    data, *scripts = page.scripts
    assert json.loads(data)["labels"] == ["MSIH", "BRAF MUT"]
    for kind, texts in (("script", scripts), ("style", [page.style])):
        digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
        assert f"{kind}-src " + " ".join(f"'sha256-{digest}'" for digest in digests) + ";" in policy
    assert "unsafe" not in policy
    # The policy would block these, so the page must not rely on them.
    assert not any("style" in attrs or any(name.startswith("on") for name in attrs) for _, attrs in page.elements)


def test_all_pictures_decode_and_say_in_words_what_they_show(html: str) -> None:
    images = Page(html).all("img")
    assert len(images) > 10
    for image in images:
        data = base64.b64decode(image["src"].split("base64,")[1], validate=True)
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture is not None
        assert (picture.shape[1], picture.shape[0]) == (int(image["width"]), int(image["height"]))
        assert len(image["alt"]) > 15


def test_it_is_readable_by_machines_that_read_aloud(html: str) -> None:
    page = Page(html)
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert len(page.all("main")) == 1
    assert all("scope" in attrs for attrs in page.all("th"))
    for attrs in page.all("svg"):
        assert attrs.get("aria-hidden") == "true" or attrs.get("aria-label")


def test_result_is_spelled_out_and_adds_up(html: str, shared_case) -> None:
    words = " ".join(Page(html).words.split()).replace("−", "-")
    probability = predict_bag(load_model(shared_case.model), read_features(shared_case.features).features)
    sums = re.findall(r"Together ([+-][\d.]+) ([+-]) ([\d.]+) ([+-]) ([\d.]+) = ([+-][\d.]+) log-odds", words)
    assert len(sums) == 2
    for (bias, sign1, one, sign2, two, logit), name in zip(sums, ("MSI", "BRAF"), strict=True):
        assert float(bias) + float(sign1 + one) + float(sign2 + two) == pytest.approx(float(logit), abs=0.0021)
        assert 1 / (1 + np.exp(-float(logit))) == pytest.approx(probability[name], abs=0.0005)
        assert percent(probability[name]) in words


def test_it_says_what_it_is_not_and_where_the_model_comes_from(html: str, shared_case) -> None:
    words = " ".join(Page(html).words.split())
    assert "Research use only" in words
    assert "not a diagnosis" in words.lower()
    assert load_model(shared_case.model).sha256 in words
    assert "ab" * 32 in words
    assert "77 background, 2 unreadable" in words
    for expected in ("mode swarm", "rounds 12", "centres 1 · patients 28", "centres 2 · patients 41"):
        assert expected in words
    assert "2026-01-02" in words


def test_strongest_tiles_are_the_planted_ones(html: str, shared_case) -> None:
    words = Page(html).words
    first, second = words.split("Strongest tiles against MSIH")
    shown_for = [int(tile) for tile in re.findall(r"tile (\d+)\s", first.split("Strongest tiles for MSIH")[1])]
    shown_against = [int(tile) for tile in re.findall(r"tile (\d+)\s", second.split("Where the evidence for BRAF")[0])]
    assert len(shown_for) >= 2
    assert set(shown_for[:2]) <= set(shared_case.planted_for.tolist())
    assert set(shown_against[:2]) <= set(shared_case.planted_against.tolist())


def test_names_from_outside_are_text_and_not_markup(case, tmp_path: Path) -> None:
    evil = "a <img src=x onerror=alert(1)> & b"
    slide = case.slide.with_name(f"{evil}.tif")
    case.slide.rename(slide)
    features = read_features(case.features)
    write_features(case.features, type(features)(evil, features.features, features.coords, features.attrs))
    model = load_model(case.model)
    model.spec.provenance["note"] = "</script><script>alert(2)</script>"
    save_model(case.model, type(model)(model.state, model.spec))
    made = type(case)(slide, case.features, case.model, case.planted_for, case.planted_against).make(tmp_path / "out")
    page = Page((made.folder / "report.html").read_text("utf-8"))
    assert len(page.all("script")) == 4
    assert all("alert(1)" not in text and "alert(2)" not in text for text in page.scripts[1:])
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert evil in page.words


def test_nested_provenance_becomes_rows() -> None:
    value = {"a": {"b": 1, "c": [1, 2]}, "d": [{"e": "x"}, {"e": "y"}], "f": {}}
    assert flat(value) == [("a · b", "1"), ("a · c", "1, 2"), ("d 1 · e", "x"), ("d 2 · e", "y")]


def test_numbers_are_never_rounded_to_certainty() -> None:
    assert percent(0.99996) == "above 99.9 %"
    assert percent(0.00001) == "below 0.1 %"
    assert percent(0.5) == "50.0 %"
    assert signed_significant(-0.000123) == "−0.00012"
    assert signed_significant(2.31) == "+2.3"
    assert odds_factor(0.04) == "odds × 1.041"
    assert times(7.81) == "7.8"
    assert times(123.4) == "123"
