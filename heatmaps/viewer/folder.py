"""A finished heatmap's folder, as the viewer's layers: everything comes from the score table."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmaps.methods import METHODS, method_named
from heatmaps.methods.relevance import class_label
from heatmaps.report.slide_report import scale_of
from heatmaps.viewer.document import Layer, TileField
from pipelines.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from heatmaps.report.words import Words
    from pipelines.slides import Slide


@dataclass(frozen=True)
class FolderLayers:
    """Where the tiles lie, the targets' labels, a layer per target and measure, and the numbered tiles."""

    field: TileField
    labels: Sequence[str]
    layers: Sequence[Layer]
    top: Sequence[dict[str, Any]]


def read_layers(folder: Path, slide: Slide, words: Words) -> FolderLayers:
    """Read a heatmap of this slide.

    Raises
    ------
    InputError
        If the folder holds none, it is damaged, or it is of another slide.
    """
    try:
        facts = json.loads((folder / "heatmap.json").read_text("utf-8"))
        scores, tiles = (_table(folder, facts, name) for name in ("scores.csv", "tiles/tiles.csv"))
        _check(folder, facts["slide"], slide)
        return _layers(facts, _columns(scores), tiles, slide, words)
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = (
            f"{folder} holds no whole heatmap ({error!r}); name the folder of one slide that 'wsi-swarm heatmap' wrote"
        )
        raise InputError(msg) from error


def _check(folder: Path, stated: dict[str, Any], slide: Slide) -> None:
    if (stated["width"], stated["height"]) != tuple(slide.size) or stated["id"] != slide.id:
        of = f"{stated['id']} of {stated['width']} × {stated['height']} px"
        msg = (
            f"{folder} is the heatmap of {of}, not of {slide.id} of {slide.size[0]} × {slide.size[1]} px; name its own"
        )
        raise InputError(msg)


def _table(folder: Path, facts: dict[str, Any], name: str) -> list[list[str]]:
    data = (folder / name).read_bytes()
    if hashlib.sha256(data).hexdigest() != facts["outputs"][name]:
        raise InputError(f"{folder / name} is not the table that heatmap.json names; make the heatmap again")
    return list(csv.reader(io.StringIO(data.decode("utf-8"))))


def _columns(table: list[list[str]]) -> dict[str, NDArray[np.float64]]:
    names, *rows = table
    values = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    return {name: values[:, index] for index, name in enumerate(names)}


def _layers(
    facts: dict[str, Any],
    columns: dict[str, NDArray[np.float64]],
    tiles: list[list[str]],
    slide: Slide,
    words: Words,
) -> FolderLayers:
    corners = np.stack([columns["x0"], columns["y0"]], axis=1)
    raw, side = facts["raw"], facts["tiles"]["side_px_level0"]
    field = TileField(
        corners=corners,
        side=side,
        step=raw["pixel_px_level0"],
        origin=tuple(raw["origin_px_level0"]),
        slide_size=tuple(slide.size),
        mpp=slide.mpp,
    )
    by_column = {made.column or name: name for name, made in METHODS.items()}
    layers = []
    for index, target in enumerate(facts["targets"]):
        own = [
            (method_named(name), columns[f"{column}_{target['target']}"])
            for column, name in by_column.items()
            if f"{column}_{target['target']}" in columns
        ]
        # The heatmap's own method first: its clip stands in the sidecar.
        own.sort(key=lambda pair: pair[0].title != facts["method"])
        for rank, (method, values) in enumerate(own):
            said = words.method(method)
            clip = target["scale"]["clip"] if rank == 0 else scale_of(method, values).clip
            layers.append(Layer(index, method.name, said["title"], said["unit"], method.signed, clip, values))
    labels = [class_label(one["target"], one["positive"]) for one in facts["targets"]]
    named = [target["target"] for target in facts["targets"]]
    rows = [dict(zip(tiles[0], row, strict=True)) for row in tiles[1:]]
    top = [
        {"target": named.index(row["target"]), "tile": int(row["tile_id"]), "name": row["name"]}
        for row in rows
        if row["side"] != "lowest"
    ]
    return FolderLayers(field, labels, layers, top)
