from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipelines.geojson import classification, feature, slide_features, square, write_geojson

if TYPE_CHECKING:
    from pathlib import Path

RINGS = [[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 0.0)]]


def refuse_constant(name: str) -> None:
    raise AssertionError(f"JSON has no {name}")


def check_like_qupath(text: str) -> list[dict]:
    """Hold each object to the rules of QuPath's reader."""
    collection = json.loads(text, parse_constant=refuse_constant)
    assert collection["type"] == "FeatureCollection"
    for item in collection["features"]:
        assert item["type"] == "Feature"
        assert str(uuid.UUID(item["id"])) == item["id"]
        assert item["geometry"]["type"] == "Polygon"
        for ring in item["geometry"]["coordinates"]:
            assert ring[0] == ring[-1]
            assert len(ring) >= 4
        kind = item["properties"].get("classification")
        assert kind is None or (kind["name"] and len(kind["color"]) == 3 and all(0 <= c <= 255 for c in kind["color"]))
        assert item["properties"]["objectType"] in {"annotation", "tile", "detection"}
    ids = [item["id"] for item in collection["features"]]
    assert len(set(ids)) == len(ids)
    return collection["features"]


def test_tissue_is_an_annotation_and_tiles_are_tiles(tmp_path: Path) -> None:
    path = tmp_path / "s.geojson"
    features = slide_features("s", [RINGS], np.array([[0, 0], [224, 0]], np.int32), 224.449)
    write_geojson(path, features)
    [tissue, first, second] = check_like_qupath(path.read_text())
    assert tissue["properties"]["objectType"] == "annotation"
    assert tissue["properties"]["classification"] == {"name": "Tissue", "color": [0, 170, 0]}
    assert first["properties"]["objectType"] == second["properties"]["objectType"] == "tile"
    assert "classification" not in first["properties"]
    assert second["geometry"]["coordinates"] == [[[224, 0], [448.45, 0], [448.45, 224.45], [224, 224.45], [224, 0]]]


def test_ids_are_the_same_in_every_run_and_differ_between_slides() -> None:
    coords = np.array([[0, 0], [5, 5]])
    one, again, other = (slide_features(name, [RINGS], coords, 5.0) for name in ("s", "s", "t"))
    assert one == again
    assert {item["id"] for item in one}.isdisjoint(item["id"] for item in other)


def test_an_id_is_the_name_based_uuid_of_its_key() -> None:
    namespace = uuid.UUID("01700f7d-9824-465c-8fbb-5c75c5c7b8ca")
    for number in range(100):
        made = uuid.UUID(feature(f"s/tile/{number},é", "tile", RINGS)["id"])
        assert made == uuid.uuid5(namespace, f"s/tile/{number},é")
        assert made.version == 5


def test_measurements_are_numbers_and_nan_is_refused(tmp_path: Path) -> None:
    kind = classification("MSI evidence", np.array([178, 24, 43], np.uint8))
    good = feature("k", "tile", [square(1, 2, 3)], "tile 1", kind, {"contribution": np.float32(0.5)})
    write_geojson(tmp_path / "g.geojson", [good])
    [read] = check_like_qupath((tmp_path / "g.geojson").read_text())
    assert read["properties"]["measurements"] == {"contribution": 0.5}
    bad = feature("k", "tile", [square(1, 2, 3)], measurements={"contribution": float("nan")})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_geojson(tmp_path / "bad.geojson", [bad])
    assert not (tmp_path / "bad.geojson").exists()
