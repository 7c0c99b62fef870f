"""Tissue drawn by a person: what is read from GeoJSON, and that ours goes to QuPath and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipelines.errors import ConfigError, InputError
from pipelines.features import read_tiles
from pipelines.tile import TileOptions, tile_slides
from pipelines.tissue.drawn_mask import find_mask, read_mask

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

SMALL = TileOptions(tile_px=56, mpp=1.0)


def box(x0: float, y0: float, x1: float, y1: float) -> list[list[float]]:
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]


def area(shape: list, kind: str | None = None, object_type: str | None = "annotation", form: str = "Polygon") -> dict:
    properties = {} if object_type is None else {"objectType": object_type}
    if kind is not None:
        properties["classification"] = {"name": kind, "color": [1, 2, 3]}
    return {"type": "Feature", "geometry": {"type": form, "coordinates": shape}, "properties": properties}


def save(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def collection(*features: dict) -> dict:
    return {"type": "FeatureCollection", "features": list(features)}


def tiles(job: Path, name: str = "a") -> np.ndarray:
    return read_tiles(job / f"tiles/{name}.h5").coords


def test_every_form_of_geojson_is_read(tmp_path: Path) -> None:
    polygon = {"type": "Polygon", "coordinates": [box(0, 0, 9, 9)]}
    several = {"type": "MultiPolygon", "coordinates": [[box(0, 0, 9, 9), box(2, 2, 4, 4)], [box(20, 0, 29, 9)]]}
    forms = (
        polygon,
        several,
        {"type": "GeometryCollection", "geometries": [polygon, several]},
        area([box(0, 0, 9, 9)]),
        [area([box(0, 0, 9, 9)])],
        collection(area([box(0, 0, 9, 9)]), area([[box(0, 0, 9, 9)], [box(20, 0, 29, 9)]], form="MultiPolygon")),
    )
    counts = [len(read_mask(save(tmp_path / "m.geojson", form)).include) for form in forms]
    assert counts == [1, 2, 3, 1, 1, 3]
    with_hole = read_mask(save(tmp_path / "m.geojson", several)).include[0]
    assert [len(ring) for ring in with_hole] == [5, 5]


def test_classes_decide_what_is_excluded_and_the_rest_is_counted(tmp_path: Path) -> None:
    shape = [box(0, 0, 9, 9)]
    mask = read_mask(
        save(
            tmp_path / "m.geojson",
            collection(
                area(shape),
                area(shape, "Tumor"),
                area(shape, "Region*"),
                area(shape, None, None),
                area(shape, "Ignore*"),
                area(shape, "Exclude"),
                area(shape, "ARTIFACT: fold"),
                area(shape, object_type="tile"),
                area(shape, object_type="detection"),
                area(shape, object_type="detection"),
                {**area(shape, object_type=None), "id": "PathTileObject"},
                area([1, 2], form="Point"),
                area([[1, 2], [3, 4]], form="LineString"),
            ),
        )
    )
    assert (len(mask.include), len(mask.exclude)) == (4, 3)
    assert mask.ignored == {"tile": 2, "detection": 2, "Point": 1, "LineString": 1}


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        '{"type": "FeatureCollection"}',
        '{"type": "Square", "coordinates": []}',
        '{"type": "Polygon", "coordinates": [[[0, 0], [1, "x"], [2, 2], [0, 0]]]}',
        '{"type": "Polygon", "coordinates": [[[0, 0], [1, NaN], [2, 2], [0, 0]]]}',
        '{"type": "Point", "coordinates": [1, 2]}',
        "[" * 5000,
        "7",
    ],
)
def test_what_holds_no_area_is_refused_with_the_file_and_the_remedy(tmp_path: Path, content: str) -> None:
    path = tmp_path / "m.geojson"
    path.write_text(content)
    with pytest.raises(InputError, match=r"m\.geojson") as refused:
        read_mask(path)
    assert any(word in str(refused.value) for word in ("QuPath", "draw one"))


def test_our_outline_read_back_unedited_gives_the_same_tiles_and_outline(make_slide, tmp_path: Path) -> None:
    slide = make_slide(size=(2000, 1600), mpp=0.5, levels=3)
    tile_slides(slide, tmp_path / "job", SMALL).check()
    exported = save(tmp_path / "edited/a.geojson", json.loads((tmp_path / "job/geojson/a.geojson").read_text()))
    tile_slides(slide, tmp_path / "again", SMALL, tissue_mask=exported.parent).check()
    assert (tiles(tmp_path / "again") == tiles(tmp_path / "job")).all()
    assert (tmp_path / "again/geojson/a.geojson").read_bytes() == (tmp_path / "job/geojson/a.geojson").read_bytes()


def test_an_edited_outline_gives_the_grid_that_it_shows(make_slide, tmp_path: Path) -> None:
    slide = make_slide(size=(2000, 1600), mpp=0.5)
    tile_slides(slide, tmp_path / "job", SMALL).check()
    ours = json.loads((tmp_path / "job/geojson/a.geojson").read_text())
    tissue = [item for item in ours["features"] if item["properties"]["objectType"] == "annotation"]
    assert all(item["properties"]["isLocked"] is False for item in tissue)
    ignored = area([box(0, 0, 1000, 1600)], "Ignore*")
    mask = save(tmp_path / "edited/a.geojson", collection(*ours["features"], ignored))
    edited = tmp_path / "edited-job"
    [outcome] = tile_slides(slide, edited, SMALL, tissue_mask=mask).outcomes
    before, after = tiles(tmp_path / "job"), tiles(edited)
    # 112 px a tile: the eighth column from 896 to 1008 is nearly all excluded, the ninth begins at 1008.
    assert (after == before[before[:, 0] >= 1000]).all()
    assert outcome.counts["dropped"]["excluded"] > 10
    only = save(tmp_path / "only/a.geojson", collection(ignored))
    tile_slides(slide, tmp_path / "third", SMALL, tissue_mask=only).check()
    assert (tiles(tmp_path / "third") == after).all()
    drawn = save(tmp_path / "drawn.geojson", area([box(112, 112, 560, 336)]))
    tile_slides(slide, tmp_path / "fourth", SMALL, tissue_mask=drawn).check()
    expected = [(x, y) for y in (112, 224) for x in (112, 224, 336, 448)]
    assert list(map(tuple, tiles(tmp_path / "fourth").tolist())) == expected


def test_an_edit_redoes_the_slide_and_nothing_else(make_slide, tmp_path: Path) -> None:
    for name in ("a.tiff", "b.tiff"):
        make_slide(name)
    masks = tmp_path / "masks"
    for name in ("a", "b"):
        save(masks / f"{name}.geojson", area([box(300, 300, 1200, 900)]))
    slides, job = tmp_path / "slides", tmp_path / "job"

    def run() -> list[str]:
        return [outcome.status for outcome in tile_slides(slides, job, SMALL, tissue_mask=masks).outcomes]

    assert run() == ["done", "done"]
    assert run() == ["done before", "done before"]
    save(masks / "b.geojson", area([box(300, 300, 1200, 700)]))
    assert run() == ["done before", "done"]
    (masks / "a.geojson").unlink()
    [missing, other] = tile_slides(slides, job, SMALL, tissue_mask=masks).outcomes
    assert (missing.status, other.status) == ("failed", "done before")
    assert "a.geojson is missing; export" in missing.reason


def test_masks_that_cannot_be_meant_are_refused_at_once(make_slide, tmp_path: Path) -> None:
    slide = make_slide("a.tiff")
    job = tmp_path / "job"
    with pytest.raises(ConfigError, match="does not exist"):
        tile_slides(slide, job, SMALL, tissue_mask=tmp_path / "none.geojson")
    tile_slides(slide, job, SMALL).check()
    with pytest.raises(ConfigError, match="would be overwritten"):
        tile_slides(slide, job, SMALL, tissue_mask=job / "geojson")
    make_slide("b.tiff")
    one = save(tmp_path / "one.geojson", area([box(0, 0, 500, 500)]))
    with pytest.raises(ConfigError, match="one file for 2 slides"):
        tile_slides(tmp_path / "slides", job, SMALL, tissue_mask=one)
    far = save(tmp_path / "far.geojson", area([box(90_000, 0, 95_000, 500)]))
    [outcome] = tile_slides(slide, tmp_path / "far", SMALL, tissue_mask=far).outcomes
    assert "is it drawn for this slide" in outcome.reason
    assert find_mask(tmp_path, "one") == one
