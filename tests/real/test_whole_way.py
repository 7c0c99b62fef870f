"""A real section without a resolution, from its file to its report, by the commands that a person types."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from models.aggregators.gated_attention import initial_state
from models.feature_kind import read_kind
from models.model_file import Model, ModelSpec, save_model
from models.targets import Target

pytestmark = pytest.mark.real

WSI_SWARM = str(Path(sys.executable).with_name("wsi-swarm"))


def run(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([WSI_SWARM, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


def test_a_slide_without_mpp_goes_all_the_way_with_the_flag(real_data: Path, tmp_path: Path) -> None:
    slide = str(real_data / "wsi" / "C3L-00601-26.tiff")
    assert "--slide-mpp" in run(tmp_path, "tile", slide, "--out", "job", code=5).stdout
    run(tmp_path, "tile", slide, "--out", "job", "--slide-mpp", "0.5")
    run(tmp_path, "extract", slide, "--out", "job", "--encoder", "stain-texture")
    features = tmp_path / "job" / "features" / "stain-texture" / "C3L-00601-26.h5"
    kind = read_kind(features)
    spec = ModelSpec((Target("MSI", "MSIH", ("nonMSIH",)),), kind, hidden=16, attention=8)
    save_model(tmp_path / "m.safetensors", Model(initial_state(kind.dim, 16, 8, 1, seed=3), spec))
    (tmp_path / "slides.csv").write_text("PATIENT,FILENAME\nC3L-00601,C3L-00601-26.tiff\n")
    run(
        tmp_path, "predict", "--model", "m.safetensors", "--slides", "slides.csv", "--features", str(features.parent),
        "--level", "slide", "--out", "preds.csv",
    )  # fmt: skip
    shown = run(
        tmp_path, "heatmap", slide, "--model", "m.safetensors", "--features", str(features), "--out", "heatmaps",
        "--slide-mpp", "0.5", "--json",
    )  # fmt: skip
    with (tmp_path / "preds.csv").open() as file:
        predicted = float(next(csv.DictReader(file))["MSI_MSIH"])
    assert json.loads(shown.stdout)["targets"][0]["probability"] == predicted
    report = (tmp_path / "heatmaps" / "C3L-00601-26" / "report.html").read_text()
    assert f"{100 * predicted:.1f} %" in report.replace("\u00a0", " ")
    assert "given" in report
