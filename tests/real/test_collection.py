"""Every slide of the real collection through the commands, in one run each: what becomes of each is known."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipelines.features import read_features, read_tiles

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

DONE = {"CMU-1-Small-Region": 47, "dicom_cmu_small_region": 47, "C3L-00601-26": 180}
"""Tiles of 112 µm; the first two are one slide in two formats."""
REFUSED = {
    "gc_no_mpp": "no tissue found",
    "gc_pyramid_0.97mpp": "too coarse for --mpp 0.5",
    "highdicom": "holds more than one DICOM series",
    "Mirax2-Fluorescence-1": "Index.dat doesn't have expected version",
    "broken": "cannot be opened as a slide: Unsupported or missing image file",
    "fluorescence": 'Unrecognized subblock dimension "Z"',
    "openslide_fixtures": "is smaller (16 x 16 px) than one tile",
    "boxes": "no tissue found",
    "small": "is smaller (16 x 16 px) than one tile",
    "unopenable": "Unsupported TIFF compression: 52479",
}
ENCODERS = {"stain-texture": (106, ()), "resnet10t.c3_in1k": (512, ("--weights", "random"))}

Run = Callable[..., tuple[subprocess.CompletedProcess[str], dict[str, dict[str, object]]]]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("collection") / "job"


@pytest.fixture(scope="module")
def run(job: Path) -> Run:
    """Run a command on the job; return it and what its summary says of each slide."""

    def run(*arguments: object, stage: str = "tile") -> tuple[object, dict[str, dict[str, object]]]:
        command = [sys.executable, "-m", "wsi_swarm.cli.main", *map(str, arguments), "--out", str(job)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        assert "Traceback" not in result.stderr, result.stderr
        slides = json.loads((job / "summary.json").read_text())["runs"][stage]["slides"]
        return result, {slide["slide_id"]: slide for slide in slides}

    return run


def files_of(job: Path) -> dict[str, tuple[int, bytes]]:
    """Return time and content of all outputs; states and the summary may change, results must not."""
    kept = [path for path in job.rglob("*") if path.is_file() and path.suffix in {".h5", ".geojson", ".jpg"}]
    return {str(path.relative_to(job)): (path.stat().st_mtime_ns, path.read_bytes()) for path in kept}


def test_tile_does_what_can_be_done_and_says_why_not(real_data: Path, job: Path, run: Run) -> None:
    result, slides = run("tile", real_data / "wsi", "--slide-mpp", 0.5)
    assert result.returncode == 5
    assert slides.keys() == DONE.keys() | REFUSED.keys()
    assert {name: slide["counts"]["tiles"] for name, slide in slides.items() if slide["status"] == "done"} == DONE
    for name, why in REFUSED.items():
        reason = slides[name]["reason"]
        assert slides[name]["status"] == "failed"
        assert why in reason
        assert reason.isprintable()
        assert result.stdout.count(reason) == 1
    for name in DONE:
        tiles = read_tiles(job / f"tiles/{name}.h5")
        width, height = tiles.attrs["slide_width"], tiles.attrs["slide_height"]
        side = tiles.attrs["tile_px_level0"]
        assert (tiles.coords >= 0).all()
        assert (tiles.coords + side <= np.array([width, height]) + 1).all()
        assert (job / f"thumbnails/{name}.jpg").stat().st_size > 10_000
        shapes = json.loads((job / f"geojson/{name}.geojson").read_text())["features"]
        assert sum(shape["properties"]["objectType"] == "tile" for shape in shapes) == DONE[name]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_extract_takes_all_that_is_tiled(real_data: Path, job: Path, run: Run, encoder: str) -> None:
    dim, more = ENCODERS[encoder]
    arguments = ("extract", real_data / "wsi", "--encoder", encoder, "--device", "cpu", *more)
    result, slides = run(*arguments, stage=f"extract {encoder}")
    assert result.returncode == 5
    assert {name: slide["counts"]["tiles"] for name, slide in slides.items() if slide["status"] == "done"} == DONE
    assert {name for name, slide in slides.items() if slide["status"] == "failed"} == REFUSED.keys()
    for name, tiles in DONE.items():
        features = read_features(job / f"features/{encoder}/{name}.h5")
        assert features.features.shape == (tiles, dim)
        assert np.isfinite(features.features).all()
        # A network or descriptor that saw no picture would say the same of each tile.
        assert len(np.unique(features.features, axis=0)) == tiles


def test_a_second_run_does_nothing(real_data: Path, job: Path, run: Run) -> None:
    before = files_of(job)
    assert len(before) == 3 * len(DONE) + len(ENCODERS) * len(DONE)
    for arguments in (("tile", "--slide-mpp", 0.5), ("extract", "--device", "cpu")):
        result, _ = run(arguments[0], real_data / "wsi", *arguments[1:])
        assert f": {len(DONE)} done before, {len(REFUSED)} failed;" in result.stdout
    assert files_of(job) == before


def test_a_dry_run_says_the_same_and_touches_nothing(real_data: Path, job: Path, run: Run) -> None:
    before = {path: path.stat().st_mtime_ns for path in job.rglob("*")}
    result, _ = run("tile", real_data / "wsi", "--slide-mpp", 0.5, "--dry-run", "--json")
    assert result.returncode == 0
    text = result.stdout
    assert all(name in text for name in (*DONE, *REFUSED))
    result, _ = run("extract", real_data / "wsi", "--device", "cpu", "--dry-run")
    assert result.returncode == 0
    rows = {
        line.split("|")[1].strip(): line.split("|")[2].strip() for line in result.stdout.splitlines() if "|" in line
    }
    assert {name for name, would in rows.items() if would == "yes"} == set()
    assert {path: path.stat().st_mtime_ns for path in job.rglob("*")} == before


def test_only_the_failed_are_tried_again(real_data: Path, job: Path, run: Run) -> None:
    _, slides = run("tile", real_data / "wsi", "--slide-mpp", 0.5, "--only-failed")
    assert {name for name, slide in slides.items() if slide["status"] == "failed"} == REFUSED.keys()
    state = json.loads((job / "state/broken.json").read_text())["stages"]["tile"]
    assert state["attempts"] == 3


@pytest.mark.usefixtures("real_data")
def test_two_formats_of_one_slide_have_near_equal_features(job: Path) -> None:
    svs, dicom = (read_features(job / f"features/stain-texture/{name}.h5") for name in list(DONE)[:2])
    assert np.array_equal(svs.coords, dicom.coords)
    one, other = svs.features.astype(float), dicom.features.astype(float)
    nearest = ((one[:, None] - other[None]) ** 2).sum(axis=2).argmin(axis=1)
    same = (nearest == np.arange(len(one))).mean()
    print(f"{same:.0%} of tiles are nearest to themselves in the other format")
    assert same > 0.9
