"""Which tiles lie in what a person drew: GeoJSON as QuPath writes it, and the XML of ASAP."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from pipelines.errors import InputError
from pipelines.tissue.drawn_mask import read_mask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pipelines.features import Features

SUFFIXES = (".geojson", ".json", ".xml")
_DOCUMENT_TYPE = re.compile("<!(DOCTYPE|ENTITY)")


@dataclass(frozen=True)
class Drawn:
    """Polygons in level-0 px, each a list of rings (K, 2); a hole is a ring inside another."""

    include: tuple[tuple[NDArray[np.float64], ...], ...]
    exclude: tuple[tuple[NDArray[np.float64], ...], ...]

    def covers(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return for each point (N, 2) whether it lies in an included polygon and in no excluded one."""
        found = np.zeros(len(points), bool)
        for rings in self.include:
            found |= _inside(points, rings)
        for rings in self.exclude:
            found &= ~_inside(points, rings)
        return found


def find_annotation(folder: Path, slide_id: str) -> Path | None:
    """Return ``<slide>.geojson``, ``.json`` or ``.xml`` of a folder, or None if the slide has none."""
    return next((path for path in (folder / f"{slide_id}{end}" for end in SUFFIXES) if path.is_file()), None)


def read_annotation(path: Path) -> Drawn:
    """Read the areas that a person drew.

    GeoJSON: as ``tile --tissue-mask`` reads it; classes named Ignore, Exclude and the like are cut out. ASAP XML: areas
    of all types but Dot and PointSet; groups named as those classes are cut out.

    Raises
    ------
    InputError
        If the file is neither, or holds no area.
    """
    if path.suffix.lower() != ".xml":
        mask = read_mask(path)
        return Drawn(_polygons(mask.include), _polygons(mask.exclude))
    return _read_asap(path)


def tiles_inside(features: Features, drawn: Drawn) -> NDArray[np.bool_]:
    """Return for each tile whether its centre lies in the annotation, (N,)."""
    return drawn.covers(features.coords + features.tile_px_level0 / 2)


def _polygons(polygons: Sequence[Sequence[Any]]) -> tuple[tuple[NDArray[np.float64], ...], ...]:
    return tuple(tuple(np.asarray(ring, float) for ring in rings) for rings in polygons)


def _inside(points: NDArray[np.float64], rings: Sequence[NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Count crossings of a ray to the right with all rings: an odd number is inside, so that holes are holes."""
    x, y = points.T
    odd = np.zeros(len(points), bool)
    for ring in rings:
        for (x1, y1), (x2, y2) in pairwise(ring):
            if y1 != y2:
                crosses = (y1 > y) != (y2 > y)
                odd ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return odd


def _read_asap(path: Path) -> Drawn:
    from pipelines.tissue.drawn_mask import EXCLUDING

    try:
        text = path.read_text("utf-8-sig")
        # A document type could declare entities that grow without end; ASAP never writes one.
        text = _DOCUMENT_TYPE.sub("<refused ", text)
        root = ElementTree.fromstring(text)  # noqa: S314
        include, exclude = [], []
        for piece in root.iter("Annotation"):
            if piece.get("Type") in {"Dot", "PointSet"}:
                continue
            corners = [(float(c.attrib["X"]), float(c.attrib["Y"])) for c in piece.iter("Coordinate")]
            ring = np.asarray([*corners, *corners[:1]], float)
            if len(ring) < 4 or not np.isfinite(ring).all():
                continue
            group = str(piece.get("PartOfGroup") or "").strip().lower()
            (exclude if group in EXCLUDING else include).append((ring,))
    except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
        msg = f"{path} is no annotation file of ASAP ({error}); export the annotations again"
        raise InputError(msg) from error
    if not include:
        msg = f"{path} holds no annotation with an area; draw one in ASAP, or take the file out of the folder"
        raise InputError(msg)
    return Drawn(tuple(include), tuple(exclude))
