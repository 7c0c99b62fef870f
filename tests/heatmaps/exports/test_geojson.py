"""The rules are those of QuPath's reader (QuPathTypeAdapters.java, GsonTools.java), as far as tiles meet them."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pytest

from heatmaps.exports.geojson import qupath_tiles
from heatmaps.methods.attribution import all_contributions
from pipelines.geojson import write_geojson

if TYPE_CHECKING:
    from pathlib import Path

OBJECT_TYPES = {"annotation", "detection", "tile", "cell", "tmaCore"}


def strict(text: str) -> Any:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def check_classification(value: Any) -> None:
    if isinstance(value, str):
        return
    if "name" not in value and "names" not in value:
        raise ValueError("classification without name")
    if "color" not in value:
        raise ValueError("classification without color")
    colour = value["color"]
    whole = isinstance(colour, int) or (
        isinstance(colour, list) and len(colour) == 3 and all(isinstance(c, int) and 0 <= c <= 255 for c in colour)
    )
    if not whole:
        raise ValueError("color is neither a packed integer nor three of 0..255")


def check_ring(ring: list[list[float]]) -> None:
    if len(ring) < 4 or ring[0] != ring[-1]:
        raise ValueError("ring is not closed")
    corners = np.array(ring)
    if not np.isfinite(corners).all():
        raise ValueError("corner is not finite")
    x, y = corners.T
    if not abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2 > 0:
        raise ValueError("ring has no area")


def check_object(item: dict[str, Any]) -> None:
    if item["type"] != "Feature":
        raise ValueError("not a Feature")
    shape = item["geometry"]
    for rings in {"Polygon": [shape["coordinates"]], "MultiPolygon": shape["coordinates"]}.get(shape["type"], []):
        for ring in rings:
            check_ring(ring)
    properties = item["properties"]
    if properties.get("objectType", "annotation") not in OBJECT_TYPES:
        raise ValueError("unknown objectType")
    if "classification" in properties:
        check_classification(properties["classification"])
    measurements = properties.get("measurements", {})
    if isinstance(measurements, list):
        # As QuPath wrote them before 0.4; still read.
        measurements = {one["name"]: one["value"] for one in measurements}
    for name, value in measurements.items():
        number = isinstance(name, str) and isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and math.isfinite(value)):
            raise ValueError("measurement is no finite number")
    for name, value in properties.get("metadata", {}).items():
        if not (isinstance(name, str) and (value is None or isinstance(value, str | int | float))):
            raise ValueError("metadata holds more than plain values")


@pytest.fixture
def document(tmp_path: Path, make_features, make_model) -> dict[str, Any]:
    features, *_ = make_features("s")
    scores = all_contributions(make_model(), features)
    write_geojson(tmp_path / "t.geojson", qupath_tiles(features, scores, scores[0], 0.05, "m" * 64))
    return strict((tmp_path / "t.geojson").read_text("utf-8"))


def test_qupath_reads_it(document: dict[str, Any]) -> None:
    assert document["type"] == "FeatureCollection"
    for item in document["features"]:
        check_object(item)
        assert item["properties"]["objectType"] == "tile"
        # QuPath ignores any other id and would then make a new object of the same tile at each import.
        assert str(UUID(item["id"])) == item["id"]


def test_tiles_lie_where_the_features_say_and_carry_their_scores(document, make_features, make_model) -> None:
    features, planted_for, planted_against = make_features("s")
    msi = all_contributions(make_model(), features)[0]
    assert len(document["features"]) == len(features.coords)
    for index, item in enumerate(document["features"]):
        corners = np.array(item["geometry"]["coordinates"][0])
        np.testing.assert_array_equal(corners.min(axis=0), features.coords[index])
        np.testing.assert_array_equal(corners.max(axis=0), features.coords[index] + 32)
        measured = item["properties"]["measurements"]
        assert measured["MSIH contribution (log-odds)"] == msi.contribution[index]
        assert measured["MSIH attention (x uniform)"] == msi.attention_x_uniform[index]
    names = [item["properties"].get("classification", {}).get("name", "") for item in document["features"]]
    assert {names[index] for index in planted_for} == {"Strong evidence for MSIH"}
    assert {names[index] for index in planted_against} == {"Strong evidence against MSIH"}


def test_ids_are_unique_stable_and_differ_between_targets_and_models(make_features, make_model) -> None:
    features, *_ = make_features("s")
    scores = all_contributions(make_model(), features)

    def ids(shown: int, model: str) -> list[str]:
        return [item["id"] for item in qupath_tiles(features, scores, scores[shown], 0.05, model)]

    assert ids(0, "a") == ids(0, "a")
    assert len(set(ids(0, "a") + ids(1, "a") + ids(0, "b"))) == 3 * len(features.coords)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("properties", "classification"), {"name": "x"}),
        (("properties", "classification"), {"color": [1, 2, 3]}),
        (("properties", "classification"), {"name": "x", "color": [1, 2, 300]}),
        (("properties", "objectType"), "square"),
        (("properties", "measurements"), {"a": "1"}),
        (("properties", "metadata"), {"a": {"b": 1}}),
        (("geometry",), {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}),
        (("geometry",), {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [2, 0], [0, 0]]]}),
        (("geometry",), {"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1], [0, 1]]]]}),
    ],
)
def test_the_rules_refuse_what_qupath_refuses(document, path: tuple[str, ...], value: Any) -> None:
    item = document["features"][0]
    place = item
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    with pytest.raises(ValueError):
        check_object(item)


def test_nan_never_gets_into_the_file(tmp_path: Path, make_features, make_model) -> None:
    features, *_ = make_features("s")
    scores = all_contributions(make_model(), features)
    scores[0].contribution[3] = np.nan
    with pytest.raises(ValueError):
        write_geojson(tmp_path / "t.geojson", qupath_tiles(features, scores, scores[0], 0.05, "m"))
    assert not (tmp_path / "t.geojson").exists()
    with pytest.raises(ValueError, match="NaN"):
        strict('{"a": NaN}')


@pytest.mark.real
def test_the_rules_accept_what_qupath_wrote(real_data: Path) -> None:
    exports = sorted((real_data / "conformance" / "qupath_geojson").glob("*.json"))
    assert len(exports) == 9
    exports.append(real_data / "conformance" / "dlup_annotations" / "qupath05.geojson")
    for export in exports:
        document = strict(export.read_text("utf-8"))
        items = document["features"] if isinstance(document, dict) and "features" in document else document
        for item in items if isinstance(items, list) else [items]:
            check_object(item)
