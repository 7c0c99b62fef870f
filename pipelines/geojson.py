"""GeoJSON as QuPath reads it: level-0 pixels, closed rings, UUIDs, classification with name and colour or none."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from pipelines.files import write_text
from pipelines.tissue.classes import COLOURS, Area

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from pipelines.tissue.outline import Ring

_NAMESPACE = uuid.UUID("01700f7d-9824-465c-8fbb-5c75c5c7b8ca")


def classification(name: str, colour: Sequence[int]) -> dict[str, Any]:
    """Return a classification; QuPath refuses one that has a name but no colour (R, G, B in 0..255)."""
    return {"name": name, "color": [int(part) for part in colour]}


def feature(
    key: str,
    object_type: str,
    rings: Sequence[Ring],
    name: str | None = None,
    kind: Mapping[str, Any] | None = None,
    measurements: Mapping[str, float] | None = None,
    locked: bool = True,
) -> dict[str, Any]:
    """Return one QuPath object.

    Parameters
    ----------
    key : what makes the object unique, such as "slide/tile/x,y"; the same key gives the same id in every run.
    object_type : "annotation", "tile" or "detection".
    rings : outer ring and holes, closed, in level-0 px.
    name, kind, measurements : shown by QuPath; ``kind`` comes from ``classification``.
    locked : whether QuPath refuses to edit it.
    """
    properties: dict[str, Any] = {"objectType": object_type, "isLocked": locked}
    if name is not None:
        properties["name"] = name
    if kind is not None:
        properties["classification"] = dict(kind)
    if measurements:
        properties["measurements"] = {label: float(value) for label, value in measurements.items()}
    return {
        "type": "Feature",
        "id": str(uuid.uuid5(_NAMESPACE, key)),
        "geometry": {"type": "Polygon", "coordinates": [[list(corner) for corner in ring] for ring in rings]},
        "properties": properties,
    }


def square(x: float, y: float, side: float) -> Ring:
    """Return the closed ring of a tile in level-0 px; the side keeps its fraction of a pixel."""
    right, bottom = round(x + side, 2), round(y + side, 2)
    return [(x, y), (right, y), (right, bottom), (x, bottom), (x, y)]


def slide_features(
    slide_id: str,
    polygons: Sequence[Sequence[Ring]],
    coords: np.ndarray,
    tile_px_level0: float,
    excluded: Sequence[Sequence[Ring]] = (),
) -> list[dict[str, Any]]:
    """Return the tissue outline as annotations that can be edited, excluded areas likewise, and the tiles as tiles."""
    tissue = classification("Tissue", COLOURS[Area.TISSUE])
    ignore = classification("Ignore*", COLOURS[Area.EXCLUDED])
    pieces = [
        feature(f"{slide_id}/tissue/{number}", "annotation", rings, f"tissue {number}", tissue, locked=False)
        for number, rings in enumerate(polygons)
    ]
    pieces += [
        feature(f"{slide_id}/excluded/{number}", "annotation", rings, f"excluded {number}", ignore, locked=False)
        for number, rings in enumerate(excluded)
    ]
    tiles = [
        feature(f"{slide_id}/tile/{x},{y}", "tile", [square(x, y, tile_px_level0)], f"tile {number}")
        for number, (x, y) in enumerate(coords.tolist())
    ]
    return pieces + tiles


def write_geojson(path: Path, features: Sequence[Mapping[str, Any]]) -> None:
    """Write a feature collection atomically; a value that is not finite raises ``ValueError``, as JSON has no NaN."""
    collection = {"type": "FeatureCollection", "features": list(features)}
    write_text(path, json.dumps(collection, allow_nan=False, separators=(",", ":")) + "\n")
