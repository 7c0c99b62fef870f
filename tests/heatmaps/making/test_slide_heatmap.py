from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from heatmaps.drawing.colours import colour
from heatmaps.drawing.render import underlay
from heatmaps.making.slide_heatmap import make_heatmap
from heatmaps.slide.explained import overview_of
from heatmaps.slide.options import Options
from models.model_file import load_model, save_model
from models.predict import predict_bag
from pipelines.errors import ConfigError, InputError
from pipelines.features import read_features, write_features
from pipelines.slides import open_slide

if TYPE_CHECKING:
    from pathlib import Path


def read_rgb(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_everything_is_there_and_the_sidecar_vouches_for_it(made, shared_case) -> None:
    assert made.folder.name == "case 7"
    names = {path.relative_to(made.folder).as_posix() for path in made.files}
    assert names >= {"report.html", "scores.csv", "tiles/tiles.csv"}
    for target in ("MSI", "BRAF"):
        assert names >= {
            f"overlay-{target}.png",
            f"overview-{target}.png",
            f"raw-{target}.png",
            f"qupath-{target}.geojson",
            f"contact-{target}.png",
        }
    sidecar = json.loads((made.folder / "heatmap.json").read_text())
    assert set(sidecar["outputs"]) == names
    assert sidecar["model"]["sha256"] == load_model(shared_case.model).sha256
    assert sidecar["slide"] == {"id": "case 7", "width": 600, "height": 450, "mpp": 0.5, "mpp_origin": "file"}
    for one, facts in zip(made.scores, sidecar["targets"], strict=True):
        assert facts["bias"] + facts["contributions_sum"] == pytest.approx(facts["logit"], abs=1e-5)
        assert facts["probability"] == one.probability


def test_probability_is_that_of_predict(made, shared_case) -> None:
    expected = predict_bag(load_model(shared_case.model), read_features(shared_case.features).features)
    assert {one.target: one.probability for one in made.scores} == expected


def test_red_lies_on_the_tissue_that_speaks_for(made, shared_case) -> None:
    raw = cv2.cvtColor(cv2.imread(str(made.folder / "raw-MSI.png"), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    features = read_features(shared_case.features)
    column, row = (features.coords // 32).T
    for index in shared_case.planted_for:
        red, _, blue, alpha = raw[row[index], column[index]].astype(int)
        assert red > blue + 60
        assert alpha == 255
    for index in shared_case.planted_against:
        red, _green, blue, alpha = raw[row[index], column[index]].astype(int)
        assert blue > red + 60
    assert (raw[..., 3] > 0).sum() == len(features.coords)
    assert (raw[raw[..., 3] == 0] == 0).all()


@pytest.mark.parametrize("kind", ["overlay", "overview"])
def test_overlay_lies_on_the_tissue(made, kind: str) -> None:
    """The red patch of the drawn figure, measured from the corner of its panel, is the planted one."""
    picture = read_rgb(made.folder / f"{kind}-MSI.png").astype(int)
    frame = (picture == 153).all(axis=2)
    top = np.flatnonzero(frame.sum(axis=1) > 600)[0] + 1
    left = np.flatnonzero(frame.sum(axis=0) > 440)[-1] - 600
    panel = picture[top : top + 450, left : left + 600]
    rows, columns = np.nonzero(panel[..., 0] > panel[..., 2] + 60)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (128, 223, 160, 255)


def test_same_input_same_bytes(made, shared_case, tmp_path: Path) -> None:
    assert files_of(shared_case.make(tmp_path).folder) == files_of(made.folder)


def test_unchanged_outputs_are_reused_and_damaged_ones_are_not(case, tmp_path: Path) -> None:
    made = case.make(tmp_path / "out")
    before = files_of(made.folder)
    assert case.make(tmp_path / "out").reused
    (made.folder / "overlay-MSI.png").write_bytes(b"not a picture")
    assert not case.make(tmp_path / "out").reused
    assert files_of(made.folder) == before
    (made.folder / "scores.csv").unlink()
    assert not case.make(tmp_path / "out").reused
    assert files_of(made.folder) == before


def test_another_model_is_never_served_from_the_old_files(case, make_model, tmp_path: Path) -> None:
    made = case.make(tmp_path / "out")
    before = (made.folder / "scores.csv").read_bytes(), (made.folder / "overlay-MSI.png").read_bytes()
    save_model(case.model, make_model(bias=0.9))
    again = case.make(tmp_path / "out")
    assert not again.reused
    assert again.scores[0].probability > made.scores[0].probability
    assert (made.folder / "overlay-MSI.png").read_bytes() != before[1]
    assert not case.make(tmp_path / "out", options=Options(clip=0.5)).reused
    assert not case.make(tmp_path / "out", options=Options(underlay="he")).reused


def test_no_name_tells_score_class_or_truth(made) -> None:
    for path in [*made.files, made.folder]:
        # Of a tile the rank is told, F1 before F2, and nothing else.
        name = re.sub(r"(MSI|BRAF)-[FA]\d\.jpg", "", path.name.replace("case 7", ""))
        assert not re.search(r"\d", name), name
        assert not re.search(r"MSIH|MSS|MUT|WT|pred|true|label|pos|neg", name, re.IGNORECASE), name


def test_one_target_may_be_asked_for(case, tmp_path: Path) -> None:
    made = case.make(tmp_path / "out", targets=["BRAF"])
    assert [one.target for one in made.scores] == ["BRAF"]
    assert not list(made.folder.glob("*MSI*"))
    with pytest.raises(InputError, match="KRAS"):
        case.make(tmp_path / "out", targets=["KRAS"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slide_id": "case 8"}, "belongs to slide case 8"),
        ({"slide_width": 601}, "extract this slide again"),
        ({"mpp": 0.51}, "--slide-mpp"),
        ({"encoder": "other"}, "other"),
        ({"encoder_card_sha256": "cd" * 32}, "cdcdcdcdcdcd"),
    ],
)
def test_features_of_another_slide_or_encoder_are_refused(case, change: dict, message: str, tmp_path: Path) -> None:
    features = read_features(case.features)
    changed = replace(
        features,
        slide_id=change.get("slide_id", features.slide_id),
        attrs={**features.attrs, **{name: value for name, value in change.items() if name != "slide_id"}},
    )
    write_features(case.features, changed)
    with pytest.raises(InputError, match=message):
        case.make(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_features_without_tiles_are_refused(case, tmp_path: Path) -> None:
    features = read_features(case.features)
    write_features(case.features, replace(features, features=features.features[:0], coords=features.coords[:0]))
    with pytest.raises(InputError, match="no tiles"):
        case.make(tmp_path / "out")


@pytest.mark.parametrize("clip", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_without_end_is_refused(case, clip: float, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--clip"):
        case.make(tmp_path / "out", options=Options(clip=clip))


def test_slide_without_resolution_needs_the_flag_and_says_so_everywhere(case, draw, tmp_path: Path) -> None:
    draw(case.slide, mpp=None)
    with pytest.raises(InputError, match="--slide-mpp"):
        case.make(tmp_path / "out")
    made = case.make(tmp_path / "out", slide_mpp=0.5)
    assert json.loads((made.folder / "heatmap.json").read_text())["slide"]["mpp_origin"] == "given"
    assert "given by the user" in (made.folder / "report.html").read_text("utf-8")


def test_overlapping_tiles_go_through(case, make_features, tmp_path: Path) -> None:
    features, *_ = make_features("case 7", overlap_px=16)
    write_features(case.features, features)
    made = case.make(tmp_path / "out")
    raw = cv2.imread(str(made.folder / "raw-MSI.png"), cv2.IMREAD_UNCHANGED)
    sidecar = json.loads((made.folder / "heatmap.json").read_text())
    assert sidecar["raw"]["pixel_px_level0"] == 16
    assert raw.shape[1] == pytest.approx(600 / 16, abs=1)
    # Each pixel has the colour of the mean of the tiles that cover it, from the score table; elsewhere it is clear.
    covering: dict[tuple[int, int], list[float]] = {}
    with (made.folder / "scores.csv").open() as table:
        for row in csv.DictReader(table):
            column, line = int(row["x0"]) // 16, int(row["y0"]) // 16
            for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
                covering.setdefault((line + down, column + right), []).append(float(row["contribution_MSI"]))
    assert max(map(len, covering.values())) == 4
    clip = sidecar["targets"][0]["scale"]["clip"]
    expected = np.zeros((*raw.shape[:2], 4), int)
    for place, values in covering.items():
        expected[place] = (*colour(np.array(np.mean(values)), clip), 255)
    found = cv2.cvtColor(raw, cv2.COLOR_BGRA2RGBA).astype(int)
    assert np.abs(found - expected).max() <= 1  # the table is rounded
    assert (found[..., 3] == expected[..., 3]).all()


def test_the_ground_stays_as_it_is_where_no_tile_lies(case, tmp_path: Path) -> None:
    features = read_features(case.features)
    kept = features.coords[:, 0] < 300
    write_features(case.features, replace(features, features=features.features[kept], coords=features.coords[kept]))
    made = case.make(tmp_path / "out", targets=["MSI"])
    picture = read_rgb(made.folder / "overlay-MSI.png").astype(int)
    frame = (picture == 153).all(axis=2)
    top, left = np.flatnonzero(frame.sum(axis=1) > 500)[0] + 1, np.flatnonzero(frame.sum(axis=0) > 400)[0] + 1
    panel = picture[top : top + 450, left : left + 600]
    with open_slide(case.slide) as slide:
        ground = underlay(overview_of(slide)).astype(int)
    assert (panel[:, 320:] == ground[:, 320:]).all()
    assert (panel[200:260, 170:240] != ground[200:260, 170:240]).any(axis=2).all()


def test_without_the_slide_the_same_numbers_and_colours_lie_on_a_plain_ground(case, tmp_path) -> None:
    whole = case.make(tmp_path / "whole")
    alone = make_heatmap(None, load_model(case.model), case.features, tmp_path / "alone", created="2026-01-02")
    for name in ("scores.csv", "raw-MSI.png", "qupath-MSI.geojson"):
        assert (alone.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    sidecar = json.loads((alone.folder / "heatmap.json").read_text())
    assert sidecar["slide"]["mpp_origin"] == "features"
    assert "Picture not readable" in (alone.folder / "report.html").read_text()
