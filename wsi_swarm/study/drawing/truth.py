"""The planted truth beside a slide: regions for QuPath, and a mask for scoring heatmaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pipelines.errors import InputError
from pipelines.files import write_bytes
from pipelines.geojson import classification, feature, write_geojson
from pipelines.tissue.outline import outline
from wsi_swarm.study.drawing.layout import Layout, Region

if TYPE_CHECKING:
    from pathlib import Path

    from wsi_swarm.study.drawing.texture import Array

LYMPHOCYTE_BIT = 16
"""Set in a mask pixel whose tumour epithelium is full of lymphocytes; the lower bits are the ``Region``."""

NAMES: dict[Region, tuple[str, tuple[int, int, int]]] = {
    Region.STROMA: ("Stroma", (150, 200, 150)),
    Region.MUCOSA: ("Normal mucosa", (120, 170, 230)),
    Region.MUSCLE: ("Muscle", (200, 120, 90)),
    Region.GLANDULAR: ("Tumor: glandular", (200, 0, 0)),
    Region.SERRATED: ("Tumor: serrated", (230, 130, 0)),
    Region.MUCINOUS: ("Tumor: mucinous", (90, 90, 220)),
    Region.SOLID: ("Tumor: poorly differentiated", (140, 0, 90)),
    Region.LYMPHOID: ("Immune cells: follicle", (160, 90, 160)),
}
"""QuPath class of each region: a base class and, after a colon, its kind, with the colour that QuPath wants."""
LYMPHOCYTE_RICH = ("Immune cells: in the epithelium", (90, 20, 120))


def write_truth(folder: Path, slide_id: str, layout: Layout, slide_px: int) -> None:
    """Write ``<slide>.geojson`` (level-0 px) and ``<slide>.mask.png`` (4 um per pixel) into ``folder``."""
    size = (slide_px, slide_px)
    pieces = [(*NAMES[region], layout.regions == region) for region in NAMES]
    pieces.append((*LYMPHOCYTE_RICH, layout.lymphocyte_rich))
    features: list[dict[str, Any]] = []
    for name, colour, mask in pieces:
        for number, rings in enumerate(outline(mask, size)):
            key = f"{slide_id}/truth/{name}/{number}"
            features.append(feature(key, "annotation", rings, f"{name} {number}", classification(name, colour)))
    mask = layout.regions | np.where(layout.lymphocyte_rich, LYMPHOCYTE_BIT, 0).astype(np.uint8)
    write_geojson(folder / f"{slide_id}.geojson", features)
    write_bytes(folder / f"{slide_id}.mask.png", cv2.imencode(".png", mask)[1].tobytes())


def read_truth(folder: Path, slide_id: str) -> Layout:
    """Read the planted truth of a slide back; the tissue's outline comes back as -1 inside and 1 outside.

    Raises
    ------
    InputError
        If the mask is missing or unreadable.
    """
    path = folder / f"{slide_id}.mask.png"
    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if mask is None:
        msg = f"{path} is missing or no PNG; draw the cohort again into an empty folder"
        raise InputError(msg)
    regions = mask & (LYMPHOCYTE_BIT - 1)
    tissue = np.where(regions > 0, -1, 1).astype(np.float32)
    return Layout(regions, (mask & LYMPHOCYTE_BIT) > 0, tissue)


def share_of_tiles(where: Array, coords: Array, tile_px: float, slide_px: int) -> Array:
    """Return float (N,): the share of each tile that a truth mask covers.

    Parameters
    ----------
    where : bool (n, n) over the whole square slide.
    coords : (N, 2) top-left corners, level-0 px.
    tile_px : side of a tile, level-0 px.
    slide_px : side of the slide, level-0 px.
    """
    scale = where.shape[0] / slide_px
    total = cv2.integral(where.astype(np.uint8))
    low = np.clip(np.rint(coords * scale).astype(int), 0, where.shape[0])
    high = np.clip(np.rint((coords + tile_px) * scale).astype(int), 0, where.shape[0])
    (x0, y0), (x1, y1) = low.T, high.T
    area = np.maximum((x1 - x0) * (y1 - y0), 1)
    return (total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]) / area
