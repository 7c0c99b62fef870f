"""``wsi-swarm inspect`` of whatever one has."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
import tifffile
import torch
from PIL import ImageCms

from pipelines.features import Features, Given, describe, write_features
from pipelines.features.convert import ConvertOptions, convert_files
from wsi_swarm.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def inspect(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["wsi-swarm", "inspect", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run


def write_slide(path: Path, mpp: float | None) -> Path:
    picture = np.random.default_rng(0).integers(0, 255, (512, 768, 3)).astype(np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    resolution = {"resolution": (1e4 / mpp, 1e4 / mpp), "resolutionunit": "CENTIMETER"} if mpp else {}
    with tifffile.TiffWriter(path) as file:
        for level in (picture, picture[::2, ::2]):
            how = {"tile": (256, 256), "photometric": "rgb", "metadata": None, "iccprofile": profile}
            file.write(level, subfiletype=int(level is not picture), **how, **resolution)
            resolution = {}
    return path


def test_a_slide(tmp_path: Path, inspect) -> None:
    path = write_slide(tmp_path / "a.tiff", 0.25)
    facts = json.loads(inspect(path, "--json")[1])
    assert (facts["kind"], facts["size_px"], facts["vendor"]) == ("slide", [768, 512], "generic-tiff")
    assert (facts["mpp"], facts["mpp_x"]) == (pytest.approx(0.25), pytest.approx(0.25))
    assert "sRGB" in facts["icc_profile"]["name"]
    assert "openslide" in facts["reader"]
    text = inspect(path)[1]
    for words in ("768 x 512 px, 0.19 x 0.13 mm", "0.25 µm per pixel", "384 x 256 (1:2)", "no images", "sRGB"):
        assert words in text
    bare = inspect(write_slide(tmp_path / "b.tiff", None))[1]
    assert "--slide-mpp" in bare
    assert "openslide" in bare


def test_features_of_every_layout(tmp_path: Path, inspect) -> None:
    attrs = describe(slide_size=(9000, 8000), mpp=0.25, encoder="small", encoder_card_sha256="ab" * 32)
    source = tmp_path / "job/s.h5"
    vectors = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float16)
    write_features(source, Features("s", vectors, np.arange(10, dtype=np.int32).reshape(5, 2) * 448, attrs))
    seen = {"native": source}
    for layout in ("trident", "stamp", "clam"):
        convert_files([source], tmp_path / layout, ConvertOptions(layout, Given())).check()
        (seen[layout],) = [path for path in (tmp_path / layout).rglob("s.h5") if path.parent.name != "patches"]
    for layout, path in seen.items():
        facts = json.loads(inspect(path, "--json")[1])
        assert (facts["layout"], facts["kind"], facts["slide"]) == (layout, "features", "s")
        assert (facts["tiles"], facts["dimensions"], facts["mpp"], facts["tile_um"]) == (5, 3, 0.25, 112)
        text = inspect(path)[1]
        assert "112 µm = 224 px = 448 level-0 px, overlap 0 px" in text
        assert f"({layout} layout)" in text
    tiles = inspect(tmp_path / "clam/patches/s.h5")[1]
    assert tiles.startswith("tiles")
    assert "vectors" not in tiles
    tensor = json.loads(inspect(tmp_path / "clam/pt_files/s.pt", "--json")[1])
    assert (tensor["layout"], tensor["tiles"], tensor["type"]) == ("clam", 5, "float32")


def test_what_a_file_leaves_unsaid_is_told(tmp_path: Path, inspect) -> None:
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file["feats"], file["coords"] = np.full((2, 3), np.nan, np.float32), np.zeros((2, 2), np.int64)
    text = inspect(tmp_path / "old.h5")[1]
    assert "encoder      not stated" in text
    assert "SOME VALUES ARE NOT FINITE" in text
    assert "coords, dropped, encoder" in text
    assert json.loads(inspect(tmp_path / "old.h5", "--json")[1])["mean"] is None


def test_foreign_and_broken_files_end_in_one_sentence(tmp_path: Path, inspect) -> None:
    (tmp_path / "a.h5").write_bytes(b"no HDF5")
    (tmp_path / "a.svs").write_bytes(b"no slide")
    (tmp_path / "a.safetensors").write_bytes(b"no model")
    torch.save({"state": 1}, tmp_path / "a.pt")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["pixels"] = np.zeros(3)
    for name in ("a.h5", "a.svs", "a.safetensors", "a.pt", "b.h5", "none.svs", "none.h5"):
        code, out, problem = inspect(tmp_path / name)
        assert (code, out) == (4, "")
        assert problem.count("\n") == 1
        assert name in problem
