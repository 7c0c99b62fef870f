"""``heatmap compare`` from files to numbers and figures."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from models.model_file import load_model, save_model
from pipelines.features import describe, read_features, write_features
from wsi_swarm.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Run the command as from a shell; returns exit code, stdout, stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["wsi-swarm", "heatmap", "compare", *map(str, words)])
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0), *capsys.readouterr()

    return run


def other_model(case, path: Path) -> Path:
    model = load_model(case.model)
    weights = np.array([[5, -9, 4, -1], [-6, 6, 0, 0]], np.float32)
    save_model(path, replace(model, state={**model.state, "head.weight": weights}))
    return path


def test_two_models_are_compared_tile_by_tile(compare, case, tmp_path: Path) -> None:
    other = other_model(case, tmp_path / "swarm.safetensors")
    made = case.make(tmp_path / "one")
    made_other = replace(case, model=other).make(tmp_path / "other")
    words = ("--model", case.model, "--model", other, "--features", case.features, "--slide", case.slide)
    code, out, _ = compare(*words, "--out", tmp_path / "out", "--json")
    assert code == 0
    document = json.loads(out)
    for index, found in enumerate(document["targets"]):
        one, two = made.scores[index], made_other.scores[index]
        assert found["probabilities"] == [one.probability, two.probability]
        assert found["pearson"] == pytest.approx(pearsonr(one.values, two.values).statistic)
        assert found["spearman"] == pytest.approx(spearmanr(one.values, two.values).statistic)
        top = [set(np.argsort(-each.values, kind="stable")[:2].tolist()) for each in (one, two)]
        assert found["top_1_percent_jaccard"] == len(top[0] & top[1]) / len(top[0] | top[1])
    assert (document["places"]["kind"], document["places"]["shift_length_um"]) == ("tiles", 0)
    assert json.loads((tmp_path / "out" / "comparison.json").read_text()) == document
    with (tmp_path / "out" / "places.csv").open() as table:
        rows = list(csv.DictReader(table))
    np.testing.assert_allclose([float(row["MSI_second"]) for row in rows], made_other.scores[0].values, rtol=1e-8)
    for target in ("MSI", "BRAF"):
        assert cv2.imread(str(tmp_path / "out" / f"compare-{target}.png")).shape[1] > 1500
    code, out, _ = compare(*words)
    assert "100.0 % of all tiles" in out
    assert out.splitlines()[1].split()[0] == "MSI_MSIH"


def test_the_difference_is_drawn_where_the_models_differ(compare, case, tmp_path: Path) -> None:
    """The planted tiles speak less for MSI in the other model: blue there, and white elsewhere."""
    other = other_model(case, tmp_path / "swarm.safetensors")
    compare("--model", case.model, "--model", other, "--features", case.features, "--out", "out", "--target", "MSI")
    picture = cv2.cvtColor(cv2.imread(str(tmp_path / "out" / "compare-MSI.png")), cv2.COLOR_BGR2RGB).astype(int)
    bright = (picture == 153).all(axis=2)
    frames = np.flatnonzero(bright.sum(axis=0) > 300)
    starts = frames[np.flatnonzero(np.diff(np.r_[-10, frames]) > 1)]
    assert len(starts) == 6  # left and right edge of three panels
    top = np.flatnonzero(bright[:, starts[4] : starts[5]].mean(axis=1) > 0.9)[0] + 1
    features = read_features(case.features)
    left = features.coords[:, 0].min() - 12
    up = features.coords[:, 1].min() - 12
    difference = picture[top:, starts[4] + 1 :]
    for index, (x, y) in enumerate(features.coords.tolist()):
        red, _, blue = difference[y - up + 16, x - left + 16]
        assert (blue > red + 40) == (index in case.planted_for), index


def test_two_scans_are_compared_on_a_common_grid_and_the_shift_is_stated(compare, case, tmp_path: Path) -> None:
    features = read_features(case.features)
    moved, size = features.coords + np.array([64, 32], np.int32), (700, 520)
    attrs = describe(slide_size=size, mpp=0.5, tile_px=32, encoder="planted", encoder_card_sha256="ab" * 32, dropped={})
    write_features(tmp_path / "scan b.h5", replace(features, slide_id="b", coords=moved, attrs=attrs))
    words = ("--model", case.model, "--features", case.features, "--features", tmp_path / "scan b.h5")
    code, out, _ = compare(*words, "--json", "--out", "out")
    assert code == 0
    document = json.loads(out)
    assert document["places"]["kind"] == "common grid"
    assert document["places"]["shift_um"] == [-32, -16]
    assert document["places"]["overlap"] == 1
    assert document["targets"][0]["pearson"] == pytest.approx(1)
    assert document["targets"][0]["top_1_percent_jaccard"] == 1
    text = compare(*words)[1]
    assert "the second was moved by 36 µm (-32 to the right, -16 down, known to about 16 µm from the tiles)" in text


def test_one_side_without_variation_has_no_correlation(compare, case, tmp_path: Path) -> None:
    model = load_model(case.model)
    dull = {**model.state, "head.weight": np.zeros((2, 4), np.float32)}
    save_model(tmp_path / "dull.safetensors", replace(model, state=dull))
    words = ("--model", case.model, "--model", tmp_path / "dull.safetensors", "--features", case.features, "--json")
    found = json.loads(compare(*words, "--out", "out")[1])["targets"][0]
    assert (found["pearson"], found["spearman"]) == (None, None)


@pytest.mark.parametrize("method", ["attention", "single"])
def test_methods_without_a_sign_have_a_difference_with_one(compare, case, tmp_path: Path, method: str) -> None:
    other = other_model(case, tmp_path / "swarm.safetensors")
    words = ("--model", case.model, "--model", other, "--features", case.features, "--out", "out", "--method", method)
    assert compare(*words)[0] == 0
    assert (tmp_path / "out" / "compare-MSI.png").is_file()


def test_what_cannot_be_compared_is_refused(compare, case, tmp_path: Path) -> None:
    one = ("--model", case.model, "--features", case.features)
    code, _, err = compare(*one)
    assert (code, "1 models and 1 feature files" in err) == (3, True)
    code, _, err = compare(*one, "--model", case.model)
    assert (code, "both sides are" in err) == (3, True)
    model = load_model(case.model)
    targets = tuple(replace(target, name=f"{target.name}x") for target in model.spec.targets)
    save_model(tmp_path / "x.safetensors", replace(model, spec=replace(model.spec, targets=targets)))
    code, _, err = compare(*one, "--model", tmp_path / "x.safetensors")
    assert (code, "none is common" in err) == (3, True)
    few = read_features(case.features)
    write_features(tmp_path / "few.h5", replace(few, slide_id="few", features=few.features[:9], coords=few.coords[:9]))
    code, _, err = compare(*one, "--features", tmp_path / "few.h5")
    assert (code, "overlaps by" in err) == (4, True)
