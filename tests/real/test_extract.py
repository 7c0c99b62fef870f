"""Extraction of real slides: every engine and reader, with the options that change tiles."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipelines.features import read_features

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

SVS = "CMU-1-Small-Region.svs"


def wsi_swarm(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wsi_swarm.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def extract(slides: Path, job: Path, *how: object) -> str:
    result = wsi_swarm("extract", slides, "--out", job, "--encoder", "stain-texture", "--device", "cpu", *how)
    assert result.returncode == 0, result.stderr + result.stdout
    return result.stdout


def test_the_readers_agree_and_every_set_is_written(real_data: Path, tmp_path: Path) -> None:
    slide = real_data / "wsi" / SVS
    found = {}
    for reader in ("auto", "openslide"):
        job = tmp_path / reader
        assert wsi_swarm("tile", slide, "--out", job).returncode == 0
        extract(slide, job, "--reader", reader, "--workers", 2 if reader == "auto" else 1)
        found[reader] = read_features(job / f"features/stain-texture/{slide.stem}.h5")
    one, other = found["auto"].features.astype(float), found["openslide"].features.astype(float)
    print(f"readers {found['auto'].attrs['reader']} / {found['openslide'].attrs['reader']}")
    print(f"largest difference of a feature: {np.abs(one - other).max():.4f}, their spread {one.std():.2f}")
    assert np.array_equal(found["auto"].coords, found["openslide"].coords)
    assert np.abs(one - other).max() < 0.1 * one.std()

    job = tmp_path / "auto"
    extract(slide, job, "--reader", "auto", "--stain-norm", "macenko", "--augment", 2, "--seed", 5)
    sets = [job / f"features/stain-texture+macenko/{name}{slide.stem}.h5" for name in ("", "augment-1/", "augment-2/")]
    values = [read_features(path).features.astype(float) for path in sets]
    assert {value.shape for value in values} == {one.shape}
    assert np.abs(values[0] - one).mean() > 0.01
    assert np.abs(values[1] - values[2]).mean() > 0.01

    plans = json.loads(wsi_swarm("extract", slide, "--out", job, "--dry-run", "--json", "--reader", "openslide").stdout)
    assert [(plan["why"], plan["detail"]) for plan in plans] == [("parameters changed", "reader")]


def test_two_processes_share_the_collection(real_data: Path, tmp_path: Path) -> None:
    wsi, job = real_data / "wsi", tmp_path / "job"
    table = tmp_path / "slides.csv"
    table.write_text(
        f"FILENAME,mpp\n{wsi / SVS},\n{wsi / 'dicom_cmu_small_region'},\n{wsi / 'C3L-00601-26.tiff'},0.5\n"
    )
    tiled = wsi_swarm("tile", table, "--out", job)
    assert tiled.returncode == 0, tiled.stdout
    said = extract(table, job, "--device", "cpu,cpu")
    assert said.startswith("extract stain-texture: 3 done")
    for path in job.glob("features/stain-texture/*.h5"):
        assert np.isfinite(read_features(path).features).all()
