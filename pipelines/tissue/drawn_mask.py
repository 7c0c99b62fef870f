"""Tissue that a person drew or edited: GeoJSON as QuPath writes it, and as other programs do."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipelines.tissue.outline import Ring

SUFFIXES = (".geojson", ".json")
EXCLUDING = frozenset(
    {"artefact", "artifact", "background", "blur", "debris", "exclude", "excluded", "fold", "glass", "hole", "ignore"}
    | {"pen", "unfocused"}
)
"""Names of classes, in small letters and without the "*" of QuPath's "Ignore*", whose areas are no tissue."""
_NO_ANNOTATION = frozenset({"tile", "detection", "cell", "root", "tma_core"})
_OLD_IDS = {"PathDetectionObject": "detection", "PathCellObject": "cell", "PathTileObject": "tile"}
_WITHOUT_AREA = frozenset({"Point", "MultiPoint", "LineString", "MultiLineString"})


@dataclass
class DrawnMask:
    """The areas of a GeoJSON file.

    Attributes
    ----------
    include, exclude : polygons (outer ring and holes) in level-0 px.
    ignored : how many objects of each other kind the file holds, such as {"tile": 812, "Point": 3}.
    """

    include: list[Sequence[Ring]] = field(default_factory=list)
    exclude: list[Sequence[Ring]] = field(default_factory=list)
    ignored: dict[str, int] = field(default_factory=dict)


def find_mask(masks: Path, slide_id: str) -> Path:
    """Return the mask file of a slide: the file itself, or <slide>.geojson of a folder; ``InputError`` if missing."""
    if not masks.is_dir():
        return masks
    candidates = [masks / f"{slide_id}{suffix}" for suffix in SUFFIXES]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        msg = f"{candidates[0]} is missing; export the slide's annotations there or leave --tissue-mask out for it"
        raise InputError(msg)
    return found


def check_masks(masks: Path, slides: int, written: Path) -> None:
    """Refuse masks that are not there, one file for several slides, and files that the run itself would overwrite."""
    if not masks.exists():
        msg = f"--tissue-mask {masks} does not exist; name a GeoJSON file or a folder with <slide>.geojson files"
        raise ConfigError(msg)
    if slides > 1 and not masks.is_dir():
        msg = f"--tissue-mask {masks} is one file for {slides} slides; name a folder with a <slide>.geojson for each"
        raise ConfigError(msg)
    if (masks if masks.is_dir() else masks.parent).resolve() == written.resolve():
        msg = f"--tissue-mask {masks} would be overwritten by this run; export the edited annotations to another folder"
        raise ConfigError(msg)


def mask_sha256(path: Path) -> str:
    """Return the identity of a mask file's content."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}"
        raise InputError(msg) from error


def read_mask(path: Path) -> DrawnMask:
    """Read the annotations of a GeoJSON file.

    A feature collection, a list of features, one feature or a bare geometry will do. Tiles, detections and cells are
    passed over, points and lines too because they have no area; both are counted.

    Raises
    ------
    InputError
        If it is no GeoJSON, or nothing in it has an area.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path} is no GeoJSON ({error}); export the annotations from QuPath as GeoJSON"
        raise InputError(msg) from error
    mask = DrawnMask()
    try:
        _collect(content, {}, mask)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        msg = f"{path} holds a malformed GeoJSON object ({what}); export the annotations from QuPath again"
        raise InputError(msg) from error
    if not mask.include and not mask.exclude:
        held = ", ".join(f"{number} x {kind}" for kind, number in sorted(mask.ignored.items())) or "nothing"
        msg = f"{path} holds no annotation with an area ({held}); draw one around the tissue"
        raise InputError(msg)
    return mask


def _collect(content: Any, properties: dict[str, Any], mask: DrawnMask) -> None:
    if isinstance(content, list):
        for item in content:
            _collect(item, properties, mask)
        return
    kind = content["type"]
    if kind == "FeatureCollection":
        _collect(content["features"], {}, mask)
    elif kind == "Feature":
        own = content.get("properties") or {}
        passed_over = _object_type(content, own)
        if passed_over in _NO_ANNOTATION:
            _count(mask, passed_over)
        elif content.get("geometry") is None:
            _count(mask, "object without geometry")
        else:
            _collect(content["geometry"], own, mask)
    elif kind == "GeometryCollection":
        _collect(content["geometries"], properties, mask)
    elif kind in _WITHOUT_AREA:
        _count(mask, kind)
    elif kind in {"Polygon", "MultiPolygon"}:
        shapes = [content["coordinates"]] if kind == "Polygon" else content["coordinates"]
        polygons = [polygon for polygon in (_polygon(shape) for shape in shapes) if polygon]
        (mask.exclude if _excludes(properties) else mask.include).extend(polygons)
    else:
        msg = f"unknown type {kind!r}"
        raise ValueError(msg)


def _object_type(feature: dict[str, Any], properties: dict[str, Any]) -> str:
    stated = properties.get("objectType") or properties.get("object_type")
    # Before version 0.3, QuPath put the type where the id belongs.
    return str(stated).lower() if stated else _OLD_IDS.get(str(feature.get("id")), "annotation")


def _excludes(properties: dict[str, Any]) -> bool:
    kind = properties.get("classification")
    name = (kind.get("name") or ": ".join(kind.get("names") or [])) if isinstance(kind, dict) else kind
    # A derived class such as "Ignore*: fold" belongs to its first part.
    return str(name or "").split(":")[0].strip().rstrip("*").lower() in EXCLUDING


def _polygon(shape: Any) -> list[Ring]:
    rings: list[Ring] = []
    for corners in shape:
        ring = [(float(corner[0]), float(corner[1])) for corner in corners]
        if not all(math.isfinite(part) for corner in ring for part in corner):
            msg = "a coordinate that is not finite"
            raise ValueError(msg)
        if ring and ring[0] != ring[-1]:
            ring.append(ring[0])
        if len(ring) >= 4:
            rings.append(ring)
    return rings


def _count(mask: DrawnMask, kind: str) -> None:
    mask.ignored[kind] = mask.ignored.get(kind, 0) + 1
