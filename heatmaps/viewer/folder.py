"""A finished heatmap's folder, as the viewer's layers: everything comes from the score table."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmaps.drawing.top_tiles import strongest
from heatmaps.methods import METHODS
from heatmaps.methods.relevance import class_label
from heatmaps.report.slide_report import TILES_PER_SIDE, scale_of
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
        table = (folder / "scores.csv").read_bytes()
        if hashlib.sha256(table).hexdigest() != facts["outputs"]["scores.csv"]:
            raise InputError(
                f"{folder / 'scores.csv'} is not the table that heatmap.json names; make the heatmap again"
            )
        _check(folder, facts["slide"], slide)
        return _layers(facts, _columns(table), slide, words)
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


def _columns(table: bytes) -> dict[str, NDArray[np.float64]]:
    names, *rows = csv.reader(io.StringIO(table.decode("utf-8")))
    values = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    return {name: values[:, index] for index, name in enumerate(names)}


def _layers(facts: dict[str, Any], columns: dict[str, NDArray[np.float64]], slide: Slide, words: Words) -> FolderLayers:
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
    by_column = {made.column or name: made for name, made in METHODS.items()}
    layers, top = [], []
    for index, target in enumerate(facts["targets"]):
        own = [
            (made(), columns[f"{column}_{target['target']}"])
            for column, made in by_column.items()
            if f"{column}_{target['target']}" in columns
        ]
        # The heatmap's own method first: its clip stands in the sidecar.
        own.sort(key=lambda pair: pair[0].title != facts["method"])
        for rank, (method, values) in enumerate(own):
            said = words.method(method)
            clip = target["scale"]["clip"] if rank == 0 else scale_of(method, values).clip
            layers.append(Layer(index, method.name, said["title"], said["unit"], method.signed, clip, values))
        method, values = own[0]
        for letter, ordered in (("F", values), ("A", -values)) if method.signed else (("T", values),):
            apart = max(2.0, 0.05 * max(slide.size) / side)
            chosen = strongest(ordered, corners.astype(np.int32), side, TILES_PER_SIDE, apart)
            top += [{"target": index, "tile": tile, "name": f"{letter}{i}"} for i, tile in enumerate(chosen, 1)]
    labels = [class_label(one["target"], one["positive"]) for one in facts["targets"]]
    return FolderLayers(field, labels, layers, top)
