from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from heatmaps.evaluation.annotations import find_annotation, read_annotation, tiles_inside
from pipelines.errors import InputError
from pipelines.geojson import feature, square, write_geojson
from tests.heatmaps.evaluation.bags import DIM, features_of

if TYPE_CHECKING:
    from pathlib import Path

POINTS = np.array([[15.0, 15], [50, 50], [95, 95], [150, 50], [5, 50]])
"""In the frame, in its hole, in the frame again, right of it, left of it."""


def asap(*pieces: str) -> str:
    return f"<?xml version='1.0'?><ASAP_Annotations><Annotations>{''.join(pieces)}</Annotations></ASAP_Annotations>"


def piece(x: float, y: float, side: float, group: str = "tumor", kind: str = "Polygon") -> str:
    corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
    inner = "".join(f'<Coordinate Order="{i}" X="{a}" Y="{b}"/>' for i, (a, b) in enumerate(corners))
    return f'<Annotation Name="a" Type="{kind}" PartOfGroup="{group}"><Coordinates>{inner}</Coordinates></Annotation>'


def test_holes_are_holes(tmp_path: Path) -> None:
    rings = [square(10, 10, 90), square(30, 30, 40)]
    write_geojson(tmp_path / "s.geojson", [feature("a", "annotation", rings)])
    found = read_annotation(tmp_path / "s.geojson").covers(POINTS)
    assert found.tolist() == [True, False, True, False, False]


def test_excluded_areas_are_cut_out_in_both_formats(tmp_path: Path) -> None:
    ignore = {"name": "Ignore*", "color": [0, 0, 0]}
    pieces = [
        feature("a", "annotation", [square(10, 10, 90)]),
        feature("b", "annotation", [square(30, 30, 40)], kind=ignore),
    ]
    write_geojson(tmp_path / "s.geojson", pieces)
    (tmp_path / "s.xml").write_text(
        asap(piece(10, 10, 90), piece(30, 30, 40, "Exclude"), piece(140, 40, 20, kind="Dot"))
    )
    for name in ("s.geojson", "s.xml"):
        assert read_annotation(tmp_path / name).covers(POINTS).tolist() == [True, False, True, False, False]


def test_a_tile_is_where_its_centre_is(tmp_path: Path) -> None:
    (tmp_path / "s.xml").write_text(asap(piece(0, 0, 14.9)))
    features = features_of("s", np.zeros((40, DIM)))
    inside = tiles_inside(features, read_annotation(tmp_path / "s.xml"))
    assert features.coords[inside].tolist() == [[0, 0]]
    (tmp_path / "s.xml").write_text(asap(piece(0, 0, 15.1)))
    inside = tiles_inside(features, read_annotation(tmp_path / "s.xml"))
    assert features.coords[inside].tolist() == [[0, 0], [10, 0], [0, 10], [10, 10]]


@pytest.mark.parametrize(
    "text",
    [
        "not xml",
        asap(),
        asap(piece(0, 0, 5, "exclude")),
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        asap('<Annotation Type="Polygon"><Coordinates><Coordinate X="1"/></Coordinates></Annotation>'),
    ],
)
def test_what_is_no_annotation_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.xml").write_text(text)
    with pytest.raises(InputError, match=r"s\.xml"):
        read_annotation(tmp_path / "s.xml")


def test_files_are_found_by_the_slide(tmp_path: Path) -> None:
    assert find_annotation(tmp_path, "s") is None
    (tmp_path / "s.xml").write_text(asap(piece(0, 0, 5)))
    assert find_annotation(tmp_path, "s") == tmp_path / "s.xml"
