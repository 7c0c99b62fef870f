"""Annotations that ASAP and QuPath wrote, as the evaluation of heatmaps reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from heatmaps.evaluation.annotations import read_annotation
from pipelines.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

SAMPLES = 200_000


def area(ring: np.ndarray) -> float:
    """Shoelace formula."""
    x, y = ring.T
    return abs(float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum())) / 2


@pytest.mark.parametrize(
    "name", ["asap_xml/asap-polygon.xml", "qupath_multipolygon.geojson", "qupath_geojson/qupath-brush.json"]
)
def test_points_inside_fill_the_area_of_the_rings_less_their_holes(real_data: Path, name: str) -> None:
    drawn = read_annotation(real_data / "conformance" / name)
    assert not drawn.exclude
    expected = sum(area(outer) - sum(map(area, holes)) for outer, *holes in drawn.include)
    corners = np.concatenate([ring for rings in drawn.include for ring in rings])
    low, high = corners.min(axis=0), corners.max(axis=0)
    points = np.random.default_rng(0).uniform(low, high, (SAMPLES, 2))
    found = drawn.covers(points).mean() * np.prod(high - low)
    assert found == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("name", ["ellipse", "polygon", "rectangle", "wand"])
def test_every_area_that_qupath_exports_is_read(real_data: Path, name: str) -> None:
    """QuPath draws each of them around the point in the middle of its corners."""
    drawn = read_annotation(real_data / "conformance" / "qupath_geojson" / f"qupath-{name}.json")
    ((outer, *holes),) = drawn.include
    assert not holes
    assert area(outer) > 1000
    assert drawn.covers(outer[:-1].mean(axis=0, keepdims=True)).all()
    assert not drawn.covers(outer.max(axis=0, keepdims=True) + 1).any()


@pytest.mark.parametrize("name", ["line", "multipoint", "point", "polyline"])
def test_what_qupath_exports_without_an_area_is_refused(real_data: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"qupath-{name}.json"):
        read_annotation(real_data / "conformance" / "qupath_geojson" / f"qupath-{name}.json")


def test_objects_of_qupath_0_5_are_read(real_data: Path) -> None:
    drawn = read_annotation(real_data / "conformance" / "dlup_annotations" / "qupath05.geojson")
    assert len(drawn.include) > 1


@pytest.mark.parametrize("name", ["asap-dot.xml", "asap-pointset.xml"])
def test_points_of_asap_have_no_area(real_data: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name} holds no annotation with an area"):
        read_annotation(real_data / "conformance" / "asap_xml" / name)
