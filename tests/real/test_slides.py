"""Real slides: two formats of one slide, a slide without mpp, a folder of malformed files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipelines.features import read_features, read_tiles
from pipelines.slides import open_slide
from pipelines.tile import tile_slides

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

SVS, DICOM, NO_MPP = "CMU-1-Small-Region.svs", "dicom_cmu_small_region", "C3L-00601-26.tiff"


def wsi_swarm(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wsi_swarm.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_svs_and_dicom_of_one_slide_give_one_grid_and_near_equal_tiles(real_data: Path, tmp_path: Path) -> None:
    for name in (SVS, DICOM):
        tile_slides(real_data / "wsi" / name, tmp_path / "job").check()
    svs = read_tiles(tmp_path / "job/tiles/CMU-1-Small-Region.h5")
    dicom = read_tiles(tmp_path / "job/tiles/dicom_cmu_small_region.h5")
    assert np.array_equal(svs.coords, dicom.coords)
    assert len(svs.coords) == 47
    assert svs.attrs["mpp"] == dicom.attrs["mpp"] == 0.499
    side = svs.attrs["tile_px_level0"]
    errors = []
    with open_slide(real_data / "wsi" / SVS) as one, open_slide(real_data / "wsi" / DICOM) as other:
        for x, y in svs.coords.tolist():
            pair = [slide.read_region(x, y, side, side, (224, 224)).astype(int) for slide in (one, other)]
            errors.append(np.abs(pair[0] - pair[1]).mean())
    print(f"mean absolute error of {len(errors)} tiles: {np.mean(errors):.2f} grey levels, worst {max(errors):.2f}")
    assert np.mean(errors) < 8
    assert max(errors) < 12


def test_a_slide_without_mpp_is_refused_with_the_flag_and_goes_with_it(real_data: Path, tmp_path: Path) -> None:
    slide, job = real_data / "wsi" / NO_MPP, tmp_path / "job"
    refused = wsi_swarm("tile", slide, "--out", job)
    assert refused.returncode == 5
    assert "does not say its resolution; give µm per pixel with --slide-mpp" in refused.stdout
    tiled = wsi_swarm("tile", slide, "--out", job, "--slide-mpp", 0.5)
    assert tiled.returncode == 0, tiled.stderr
    extracted = wsi_swarm("extract", slide, "--out", job, "--encoder", "stain-texture", "--device", "cpu")
    assert extracted.returncode == 0, extracted.stderr
    features = read_features(job / "features/stain-texture/C3L-00601-26.h5")
    assert features.mpp == 0.5
    # The section is 2.9 mm² of the 7.1 mm² scanned, a tile 0.0125 mm².
    assert 150 < len(features.coords) < 200


def test_the_section_on_glass_is_found_as_one_piece(real_data: Path, tmp_path: Path) -> None:
    tile_slides(real_data / "wsi" / NO_MPP, tmp_path / "job", slide_mpp=0.5).check()
    collection = json.loads((tmp_path / "job/geojson/C3L-00601-26.geojson").read_text())
    pieces = [f for f in collection["features"] if f["properties"]["objectType"] == "annotation"]
    assert len(pieces) == 1
    corners = np.array(pieces[0]["geometry"]["coordinates"][0])
    # Bounds read by eye from the slide's thumbnail, in level-0 px.
    assert np.abs(corners.min(axis=0) - (1030, 800)).max() < 100
    assert np.abs(corners.max(axis=0) - (4490, 4370)).max() < 100


def test_the_malformed_get_a_sentence_each_and_the_good_are_done(real_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "slides"
    shutil.copytree(real_data / "wsi/malformed", folder / "malformed")
    shutil.copytree(real_data / "wsi" / DICOM, folder / DICOM)
    for name in (SVS, "openslide_fixtures/unopenable.tiff", "gc_pyramid_0.97mpp.tif"):
        shutil.copy(real_data / "wsi" / name, folder)
    result = wsi_swarm("tile", folder, "--out", tmp_path / "job", "--mpp", 1.0, "--tile-px", 112)
    assert result.returncode == 5
    assert "Traceback" not in result.stderr
    slides = json.loads((tmp_path / "job/summary.json").read_text())["runs"]["tile"]["slides"]
    status = {slide["slide_id"]: slide["status"] for slide in slides}
    bad = {"Mirax2-Fluorescence-1", "broken", "fluorescence", "unopenable", "gc_pyramid_0.97mpp"}
    assert {name for name, value in status.items() if value == "failed"} == bad
    assert {name for name, value in status.items() if value == "done"} == {"CMU-1-Small-Region", DICOM}
    for slide in slides:
        if slide["slide_id"] in bad:
            assert result.stdout.count(slide["reason"]) == 1
            assert "\n" not in slide["reason"]
    assert "no tissue found" in next(s["reason"] for s in slides if s["slide_id"] == "gc_pyramid_0.97mpp")
