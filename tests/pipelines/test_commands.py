"""The verbs tile, extract and inspect as a user types them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from models.feature_kind import FeatureKind
from models.model_file import Model, ModelSpec, save_model
from models.targets import Target
from pipelines.features import Features, describe, write_features
from wsi_swarm.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Result:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def wsi_swarm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run the command line in this process, up to and with its exit code."""

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["wsi-swarm", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Result(int(ended.value.code or 0), captured.out, captured.err)

    return run


def test_tile_then_extract_then_inspect(make_slide, tmp_path: Path, wsi_swarm) -> None:
    slide, job = make_slide(size=(1000, 800)), tmp_path / "job"
    (slide.parent / "broken.svs").write_bytes(b"no slide")
    tiled = wsi_swarm("tile", slide.parent, "--out", job, "--mpp", 0.5, "--tile-px", 112)
    assert tiled.returncode == 5
    assert tiled.stdout.startswith("tile: 1 done, 1 failed")
    assert "broken.svs cannot be opened as a slide" in tiled.stdout
    assert "1 of 2 slides failed" in tiled.stderr
    extracted = wsi_swarm("extract", slide, "--out", job, "--encoder", "stain-texture", "--device", "cpu")
    assert extracted.returncode == 0, extracted.stderr
    features = job / "features/stain-texture/a.h5"
    facts = json.loads(wsi_swarm("inspect", features, "--json").stdout)
    assert (facts["kind"], facts["slide"], facts["encoder"], facts["mpp"]) == ("features", "a", "stain-texture", 0.5)
    assert facts["tiles"] > 4
    assert facts["standard_deviation"] > 0


def test_mistakes_end_with_their_exit_code_and_one_sentence(make_slide, tmp_path: Path, wsi_swarm) -> None:
    make_slide("x/a.tiff")
    make_slide("y/a.tiff")
    twice = wsi_swarm("tile", tmp_path / "slides", "--out", tmp_path / "job")
    assert twice.returncode == 4
    assert "x/a.tiff" in twice.stderr
    assert "y/a.tiff" in twice.stderr
    assert "Traceback" not in twice.stderr
    assert wsi_swarm("tile", tmp_path / "slides", "--out", tmp_path / "job", "--mpp", 0).returncode == 3


def test_inspect_tells_of_a_slide_that_tile_would_refuse(make_slide, wsi_swarm) -> None:
    facts = json.loads(wsi_swarm("inspect", make_slide(mpp=None, levels=2), "--json").stdout)
    assert facts["mpp"] is None
    assert "--slide-mpp" in facts["mpp_problem"]
    assert [level["size_px"] for level in facts["levels"]] == [[1600, 1200], [800, 600]]


def test_what_libraries_complain_of_is_not_said_to_the_user(make_slide) -> None:
    slide = make_slide(size=(300, 300))
    with tifffile.TiffFile(slide, mode="r+") as file:
        file.pages[0].tags["ResolutionUnit"].overwrite(9)  # there is no such unit
    command = [sys.executable, "-m", "wsi_swarm.cli.main", "inspect", str(slide)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "read by      openslide" in done.stdout
    assert done.stderr == ""


def test_convert_names_its_own_flag_for_a_slide_without_resolution(make_slide, tmp_path: Path, wsi_swarm) -> None:
    slide = make_slide(mpp=None)
    attrs = describe(slide_size=(1600, 1200), mpp=0.5, encoder="mine")
    write_features(tmp_path / "a.h5", Features("a", np.ones((3, 2)), np.zeros((3, 2), np.int32), attrs))
    told = wsi_swarm("convert", tmp_path / "a.h5", "--to", "clam", "--out", tmp_path / "out", "--slides", slide)
    assert told.returncode == 5
    assert "give µm per pixel with --mpp (" in told.stdout


def test_inspect_reads_feature_files_of_any_encoder_and_refuses_others(tmp_path: Path, wsi_swarm) -> None:
    attrs = describe(slide_size=(10, 10), mpp=0.5, encoder="mine")
    write_features(tmp_path / "f.h5", Features("s", np.ones((3, 2)), np.zeros((3, 2), np.int32), attrs))
    assert "mine" in wsi_swarm("inspect", tmp_path / "f.h5").stdout
    (tmp_path / "g.h5").write_bytes(b"no HDF5")
    refused = wsi_swarm("inspect", tmp_path / "g.h5")
    assert refused.returncode == 4
    assert "cannot be opened as HDF5" in refused.stderr


def test_inspect_tells_what_a_model_is(tmp_path: Path, wsi_swarm) -> None:
    spec = ModelSpec(
        (Target("MSI", "MSIH", ("nonMSIH",)),), FeatureKind("mine", "c" * 64, "", 4, 112.0, 0.5), hidden=3, attention=2
    )
    model = Model({name: np.ones(shape, np.float32) for name, shape in spec.shapes().items()}, spec)
    save_model(tmp_path / "m.safetensors", model)
    facts = json.loads(wsi_swarm("inspect", tmp_path / "m.safetensors", "--json").stdout)
    assert (facts["kind"], facts["sha256"], facts["features"]["encoder"]) == ("model", model.sha256, "mine")
    assert facts["targets"][0]["name"] == "MSI"
    assert facts["weights"] == sum(array.size for array in model.state.values())
    assert model.sha256 in wsi_swarm("inspect", tmp_path / "m.safetensors").stdout
