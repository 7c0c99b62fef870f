"""A slide of 120,000 x 90,000 px, from its features to every file: nothing lies beside its place."""

from __future__ import annotations

import csv
import json
from fractions import Fraction

import cv2
import numpy as np
import pytest

from heatmaps.drawing.colours import colour
from heatmaps.making.slide_heatmap import Heatmap, make_heatmap
from models.feature_kind import FeatureKind
from models.model_file import Model, ModelSpec, load_model, save_model
from pipelines.features import Features, describe, write_features
from pipelines.grid import make_grid

SIZE, MPP = (120_000, 90_000), 0.2517
SIDE = Fraction(224) * Fraction(1, 2) / Fraction("0.2517")
"""Exact side of a tile in level-0 px: 444.97..., so that whole pixels would drift by 8 px over the slide."""
PER_ROW, PER_COLUMN = int(SIZE[0] / SIDE), int(SIZE[1] / SIDE)


@pytest.fixture(scope="module")
def far(make_model_once, tmp_path_factory: pytest.TempPathFactory) -> Heatmap:
    """A checkerboard of blocks of 8 x 8 tiles for and against, some of them missing, over the whole slide."""
    folder = tmp_path_factory.mktemp("far")
    grid = make_grid(SIZE, MPP, 0.5, 224)
    rows, columns = np.divmod(np.arange(len(grid.coords)), PER_ROW)
    assert (len(grid.coords), int(rows.max()) + 1) == (PER_ROW * PER_COLUMN, PER_COLUMN)
    block = (rows // 8 + columns // 8) % 3
    vectors = np.zeros((len(grid.coords), 4))
    vectors[np.arange(len(block)), np.where(block == 0, 0, 1)] = 1
    kept = block != 2
    attrs = describe(slide_size=SIZE, mpp=MPP, encoder="planted", encoder_card_sha256="ab" * 32)
    write_features(folder / "far.h5", Features("far", vectors[kept].astype(np.float16), grid.coords[kept], attrs))
    model = make_model_once()
    kind = FeatureKind("planted", "ab" * 32, "", 4, 112.0, 0.5)
    save_model(folder / "m.safetensors", Model(model.state, ModelSpec(model.spec.targets, kind, 4, 3)))
    return make_heatmap(None, load_model(folder / "m.safetensors"), folder / "far.h5", folder / "out", targets=["MSI"])


def cell_of(x: float, y: float) -> tuple[int, int]:
    return round(x / float(SIDE)), round(y / float(SIDE))


def test_table_and_geojson_lie_within_a_pixel_of_the_exact_place(far: Heatmap) -> None:
    with (far.folder / "scores.csv").open() as table:
        rows = list(csv.DictReader(table))
    tiles = json.loads((far.folder / "qupath-MSI.geojson").read_text())["features"]
    assert len(rows) == len(tiles) > 30_000
    reached = np.zeros(2)
    for row, tile in zip(rows, tiles, strict=True):
        (left, top), _, (right, bottom), *_ = tile["geometry"]["coordinates"][0]
        column, line = cell_of(left, top)
        exact = (column * SIDE, line * SIDE, (column + 1) * SIDE, (line + 1) * SIDE)
        assert max(abs(a - b) for a, b in zip((left, top, right, bottom), exact, strict=True)) < 1
        assert (float(row["x0"]), float(row["y0"])) == (left, top)
        assert abs(float(row["x_um"]) - float(column * SIDE) * MPP) < MPP
        reached = np.maximum(reached, (column, line))
    assert reached.tolist() == [PER_ROW - 1, PER_COLUMN - 1]


def test_pictures_change_colour_within_a_pixel_of_the_exact_border(far: Heatmap) -> None:
    """The panel of the figure, and the raw picture scaled up, against the blocks that were planted."""
    figure = cv2.cvtColor(cv2.imread(str(far.folder / "overlay-MSI.png")), cv2.COLOR_BGR2RGB).astype(int)
    frame = (figure == 153).all(axis=2)
    columns, rows = np.flatnonzero(frame.sum(axis=0) > 700), np.flatnonzero(frame.sum(axis=1) > 1000)
    panel = figure[rows[0] + 1 : rows[-1], columns[0] + 1 : columns[-1]]
    height, width = panel.shape[:2]
    assert width == pytest.approx(1400, abs=2)
    scale = width / SIZE[0]
    redness = panel[..., 0] - panel[..., 2]
    assert height == pytest.approx(1050, abs=2)
    for line in (4, PER_COLUMN // 16 * 8 + 4, PER_COLUMN // 8 * 8 - 4):
        y = int((line + 0.5) * float(SIDE) * scale)
        blocks = [(line // 8 + block) % 3 for block in range(PER_ROW // 8)]
        for block, kind in enumerate(blocks):
            left, right = float(block * 8 * SIDE) * scale, float((block + 1) * 8 * SIDE) * scale
            # Towards a block without tiles lies an outline of two pixels.
            edges = [1 if 2 not in (kind, blocks[near]) else 4 for near in (block - 1, (block + 1) % len(blocks))]
            inside = redness[y, int(np.ceil(left)) + edges[0] : int(right) - edges[1]]
            sign = {0: 1, 1: -1, 2: 0}[kind]
            assert (np.sign(np.where(np.abs(inside) > 8, inside, 0)) == sign).all(), (line, block)
    raw = cv2.cvtColor(cv2.imread(str(far.folder / "raw-MSI.png"), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    facts = json.loads((far.folder / "heatmap.json").read_text())["raw"]
    assert facts["origin_px_level0"] == [0, 0]
    assert abs(raw.shape[1] * facts["pixel_px_level0"] - SIZE[0]) < float(SIDE)
    lines, places = np.mgrid[:PER_COLUMN, :PER_ROW]
    planted = (lines // 8 + places // 8) % 3
    assert ((raw[:PER_COLUMN, :PER_ROW, 3] == 0) == (planted == 2)).all()
    red = raw[:PER_COLUMN, :PER_ROW, 0].astype(int) - raw[:PER_COLUMN, :PER_ROW, 2]
    assert ((red > 60) == (planted == 0)).all()
    assert tuple(raw[0, 0, :3]) == tuple(colour(np.array([1.0]), 1.0)[0])
