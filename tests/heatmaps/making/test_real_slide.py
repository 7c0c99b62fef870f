"""A real slide, from its file to the report."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from heatmaps.comparison.run import run
from heatmaps.making.slide_heatmap import make_heatmap
from heatmaps.methods import method_named
from models.feature_kind import read_kind
from models.model_file import Model, load_model, save_model
from pipelines.errors import InputError
from pipelines.features import Features, describe, write_features
from pipelines.grid import make_grid
from pipelines.slides import open_slide

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real


def darkness_features(path: Path) -> tuple[Features, np.ndarray]:
    """Tiles of the whole slide whose first number is how dark the tissue is, the second how white."""
    with open_slide(path) as slide:
        grid = make_grid(slide.size, slide.mpp, 0.5, 128)
        side = grid.tile_px_level0
        reads = [slide.read_region(x, y, side, side, (64, 64)) for x, y in grid.coords]
        darkness = np.array([1 - read.mean() / 255 for read in reads])
        vectors = np.zeros((len(grid.coords), 4))
        vectors[:, 0], vectors[:, 1] = darkness, 0.3
        attrs = describe(
            slide_size=slide.size, mpp=slide.mpp, tile_px=128, encoder="planted", encoder_card_sha256="ab" * 32
        )
        return Features(slide.id, vectors.astype(np.float16), grid.coords, attrs), darkness


def test_dark_tissue_is_red_and_glass_is_blue_where_they_lie(real_data: Path, make_model, tmp_path: Path) -> None:
    slide = real_data / "wsi" / "CMU-1-Small-Region.svs"
    features, darkness = darkness_features(slide)
    write_features(tmp_path / "f.h5", features)
    model = make_model()
    spec = replace(model.spec, features=read_kind(tmp_path / "f.h5"))
    save_model(tmp_path / "m.safetensors", Model(model.state, spec))
    made = make_heatmap(
        slide, load_model(tmp_path / "m.safetensors"), tmp_path / "f.h5", tmp_path / "out", targets=["MSI"]
    )
    assert np.corrcoef(made.scores[0].contribution, darkness)[0, 1] > 0.95
    overview = cv2.cvtColor(cv2.imread(str(made.folder / "overview-MSI.png")), cv2.COLOR_BGR2RGB).astype(int)
    # Both panels are of one size, so where the left one is dark tissue the right one must be red.
    columns = np.flatnonzero((overview == 153).all(axis=2).sum(axis=0) > 800)
    rows = np.flatnonzero((overview == 153).all(axis=2).sum(axis=1) > 1500)
    left, width = columns[0] + 1, columns[1] - columns[0] - 1
    height = rows[-1] - rows[0] - 1
    stained = overview[rows[0] + 1 : rows[-1], left : left + width]
    tinted = overview[rows[0] + 1 : rows[-1], columns[2] + 1 : columns[2] + 1 + width]
    assert (height, width) == stained.shape[:2] == tinted.shape[:2]
    coarse = [cv2.resize(p.astype(np.float32), (18, 24), interpolation=cv2.INTER_AREA) for p in (stained, tinted)]
    dark, redness = 255 - coarse[0].mean(axis=2), coarse[1][..., 0] - coarse[1][..., 2]
    assert np.corrcoef(dark.ravel(), redness.ravel())[0, 1] > 0.7
    facts = json.loads((made.folder / "heatmap.json").read_text("utf-8"))
    assert facts["slide"]["mpp"] == 0.499
    assert facts["tiles"]["count"] == len(darkness)


def test_a_slide_without_mpp_is_refused_with_the_flag_that_helps(real_data: Path, make_model, tmp_path: Path) -> None:
    features, _ = darkness_features(real_data / "wsi" / "CMU-1-Small-Region.svs")
    write_features(tmp_path / "f.h5", features)
    model = make_model()
    spec = replace(model.spec, features=read_kind(tmp_path / "f.h5"))
    save_model(tmp_path / "m.safetensors", Model(model.state, spec))
    with pytest.raises(InputError, match="--slide-mpp"):
        make_heatmap(
            real_data / "wsi" / "C3L-00601-26.tiff",
            load_model(tmp_path / "m.safetensors"),
            tmp_path / "f.h5",
            tmp_path / "out",
        )


def test_a_slide_and_its_conversion_to_dicom_are_compared_tile_by_tile(
    real_data: Path, make_model, tmp_path: Path
) -> None:
    """The same pixels in two formats: other names, the same places, and nearly the same numbers."""
    paths = [real_data / "wsi" / "CMU-1-Small-Region.svs", real_data / "wsi" / "dicom_cmu_small_region"]
    files = [tmp_path / f"{path.stem}.h5" for path in paths]
    for path, file in zip(paths, files, strict=True):
        write_features(file, darkness_features(path)[0])
    model = make_model()
    save_model(tmp_path / "m.safetensors", Model(model.state, replace(model.spec, features=read_kind(files[0]))))
    found = run([tmp_path / "m.safetensors"], files, method_named("contribution"), slides=paths, out=tmp_path)
    assert found.sides[0].features.slide_id != found.sides[1].features.slide_id
    assert found.places.shift.um.tolist() == [0, 0]
    assert found.targets[0].pearson > 0.95
    assert (tmp_path / "compare-MSI.png").is_file()
