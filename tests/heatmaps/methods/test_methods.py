from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from heatmaps.methods import METHODS, method_named, methods_for
from heatmaps.methods.integrated_gradients import IntegratedGradients
from heatmaps.methods.occlusion import Occlusion
from heatmaps.slide.options import Options
from models.aggregators import AGGREGATORS
from models.feature_kind import FeatureKind
from models.model_file import Model, ModelSpec, save_model
from models.predict import predict_bag
from models.targets import Target
from pipelines.errors import ConfigError, InputError
from pipelines.features import Features, describe, read_features

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = (Target("MSI", "MSIH", ("MSS",)), Target("BRAF", "MUT", ("WT",)))
DIM = 12


def model_of(aggregator: str, seed: int = 1, strength: float = 5.0) -> Model:
    spec = ModelSpec(TARGETS, FeatureKind("random", "", "", DIM, 112.0, 0.5), 16, 8, aggregator=aggregator)
    # Larger weights than the first ones, so that attention is far from uniform and the log-odds far from 0.
    return Model({name: (strength * weight).astype("f4") for name, weight in spec.first_state(seed).items()}, spec)


def bag(tiles: int, seed: int = 0, columns: int = 7) -> Features:
    vectors = np.random.default_rng(seed).normal(size=(tiles, DIM)).astype(np.float16)
    index = np.arange(tiles)
    coords = np.stack([index % columns * 10, index // columns * 10], axis=1).astype(np.int32)
    attrs = describe(slide_size=(10_000, 10 * tiles), mpp=0.5, tile_px=10, encoder="random")
    return Features("s", vectors, coords, attrs)


def log_odds(model: Model, vectors: np.ndarray) -> np.ndarray:
    network = model.network().double()
    with torch.inference_mode():
        return network.forward_bags(torch.from_numpy(vectors.astype(np.float64)), [len(vectors)])[0].numpy()


@settings(max_examples=40, deadline=None)
@given(
    tiles=st.integers(1, 10_000),
    seed=st.integers(0, 10_000),
    aggregator=st.sampled_from([name for name, made in AGGREGATORS.items() if made.explains]),
    strength=st.floats(0.1, 8.0),
)
def test_contributions_and_bias_are_the_log_odds(tiles: int, seed: int, aggregator: str, strength: float) -> None:
    model, features = model_of(aggregator, seed % 7, strength), bag(tiles, seed)
    expected = log_odds(model, features.features)
    for one, logit in zip(method_named("contribution").explain(model, features), expected, strict=True):
        assert abs(one.bias + one.values.sum() - logit) < 1e-5


@pytest.mark.parametrize("aggregator", AGGREGATORS)
def test_each_method_explains_what_it_says_it_supports(aggregator: str) -> None:
    model, features = model_of(aggregator), bag(60)
    expected = predict_bag(model, features.features)
    logits = log_odds(model, features.features)
    for name in METHODS:
        method = method_named(name)
        if name not in methods_for(aggregator):
            able = ", ".join(methods_for(aggregator))
            with pytest.raises(InputError, match=f"'{name}' .* aggregator '{aggregator}'; .* --method {able}"):
                method.explain(model, features)
            continue
        braf, msi = method.explain(model, features, ["BRAF", "MSI"])
        assert {one.target: one.probability for one in (braf, msi)} == expected
        assert [msi.logit, braf.logit] == pytest.approx(logits.tolist(), abs=1e-9)
        for one in (braf, msi):
            assert one.values.shape == (60,)
            assert np.isfinite(one.values).all()
            assert method.signed or one.values.min() >= 0
        assert not np.array_equal(braf.values, msi.values) or aggregator in {"clam_sb"}


def test_every_model_has_methods_that_do_not_pretend_to_be_exact() -> None:
    for aggregator in AGGREGATORS:
        assert {"single", "ig", "occlusion"} <= set(methods_for(aggregator))
    assert [name for name, made in METHODS.items() if made.exact] == ["contribution"]


def test_single_is_the_prediction_of_a_bag_of_one_tile() -> None:
    for aggregator in ("gated_attention", "transformer", "saldanha2022"):
        model, features = model_of(aggregator), bag(9)
        msi = method_named("single").explain(model, features, ["MSI"])[0]
        alone = [predict_bag(model, tile[None])["MSI"] for tile in features.features]
        np.testing.assert_allclose(msi.values, alone, atol=1e-5)


def test_attention_is_the_weight_times_the_number_of_tiles() -> None:
    model, features = model_of("gated_attention"), bag(31)
    exact = method_named("contribution").explain(model, features, ["BRAF"])[0]
    shown = method_named("attention").explain(model, features, ["BRAF"])[0]
    np.testing.assert_allclose(shown.values, exact.attention * 31)
    assert shown.values.mean() == pytest.approx(1)


@pytest.mark.parametrize("aggregator", AGGREGATORS)
def test_integrated_gradients_are_complete_and_say_by_how_much_not(aggregator: str) -> None:
    model, features = model_of(aggregator, strength=1.5), bag(25)
    nothing = log_odds(model, np.zeros_like(features.features))
    for index, one in enumerate(IntegratedGradients(steps=256).explain(model, features)):
        error = one.values.sum() - (one.logit - nothing[index])
        assert one.details["completeness_error"] == pytest.approx(error, abs=1e-9)
        assert one.details["baseline_logit"] == pytest.approx(nothing[index])
        assert abs(error) < 0.02 * max(1.0, abs(one.logit - nothing[index]))


def test_of_a_mean_integrated_gradients_are_the_contributions() -> None:
    """A mean pool's only bend is the embedding's relu, which without biases is straight from 0 to any tile."""
    model, features = model_of("mean"), bag(20)
    model.state["embed.bias"][:] = 0
    exact = method_named("contribution").explain(model, features)[0]
    np.testing.assert_allclose(IntegratedGradients(8).explain(model, features)[0].values, exact.values, atol=1e-12)


def test_too_few_steps_show_in_the_completeness_error() -> None:
    model, features = model_of("transformer", strength=1.5), bag(20)
    few, many = (
        abs(IntegratedGradients(n).explain(model, features)[0].details["completeness_error"]) for n in (2, 256)
    )
    assert few > 10 * many


def test_occlusion_is_the_fall_of_the_log_odds_without_the_tile() -> None:
    model, features = model_of("transformer"), bag(12)
    whole = log_odds(model, features.features)
    one = Occlusion(1).explain(model, features, ["BRAF"])[0]
    for index in range(12):
        without = log_odds(model, np.delete(features.features, index, axis=0))
        assert one.values[index] == pytest.approx(whole[1] - without[1], abs=1e-9)
    assert one.details == {"occluded_side_tiles": 1, "occluded_groups": 12}


def test_occluded_squares_share_their_effect() -> None:
    model, features = model_of("gated_attention"), bag(35, columns=7)
    one = Occlusion(3).explain(model, features, ["MSI"])[0]
    column, row = (features.coords // 10).T
    whole = log_odds(model, features.features)[0]
    for cell in {(x // 3, y // 3) for x, y in zip(column, row, strict=True)}:
        members = (column // 3 == cell[0]) & (row // 3 == cell[1])
        effect = whole - log_odds(model, features.features[~members])[0]
        np.testing.assert_allclose(one.values[members], effect / members.sum(), atol=1e-9)
    assert one.details["occluded_groups"] == 6


def test_occlusion_of_all_there_is_leaves_one_tile_of_nothing() -> None:
    model, features = model_of("gated_attention"), bag(4, columns=2)
    one = Occlusion(2).explain(model, features, ["MSI"])[0]
    nothing = log_odds(model, np.zeros((1, DIM)))[0]
    np.testing.assert_allclose(one.values, (one.logit - nothing) / 4)


def test_occlusion_takes_larger_squares_of_larger_slides() -> None:
    model = model_of("mean")
    one = Occlusion().explain(model, bag(4000, columns=64), ["MSI"])[0]
    assert one.details["occluded_side_tiles"] > 1
    assert one.details["occluded_groups"] * 4000 <= 4_000_000


def test_order_of_tiles_does_not_matter() -> None:
    features, order = bag(50), np.random.default_rng(1).permutation(50)
    turned = replace(features, features=features.features[order], coords=features.coords[order])
    for name in methods_for("gated_attention"):
        method = method_named(name, 2 if name == "occlusion" else None)
        straight = method.explain(model_of("gated_attention"), features, ["MSI"])[0]
        other = method.explain(model_of("gated_attention"), turned, ["MSI"])[0]
        np.testing.assert_allclose(other.values, straight.values[order], atol=1e-9)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "contribution"])
def test_every_file_of_a_heatmap_names_the_method(case, name: str, tmp_path: Path) -> None:
    made = case.make(tmp_path / "out", options=Options(method=name))
    method = METHODS[name]
    sidecar = json.loads((made.folder / "heatmap.json").read_text())
    assert sidecar["method"] == method.title
    assert sidecar["method_facts"]["unit"] == method.unit
    assert sidecar["targets"][0]["scale"]["unit"] == method.unit
    rows = list(csv.DictReader(io.StringIO((made.folder / "scores.csv").read_text())))
    column = f"{method.column or name}_MSI"
    np.testing.assert_allclose([float(row[column]) for row in rows], made.scores[0].values, rtol=1e-9)
    html = (made.folder / "report.html").read_text("utf-8")
    assert method.title in html
    assert "exactly, nothing is left over" not in html
    assert "attention ×" not in html
    if name == "ig":
        assert "completeness error" in html
        assert sidecar["targets"][0]["details"]["completeness_error"] == made.scores[0].details["completeness_error"]
    assert method.signed == ("Strongest tiles against" in html)
    tiles = json.loads((made.folder / "qupath-MSI.geojson").read_text())["features"]
    kinds = {tile["properties"]["classification"]["name"] for tile in tiles if "classification" in tile["properties"]}
    assert all(("vidence" in kind) == method.signed for kind in kinds)
    assert case.make(tmp_path / "out", options=Options(method=name)).reused


def test_another_method_is_never_served_from_the_old_files(case, tmp_path: Path) -> None:
    options = [
        Options(),
        Options(method="attention"),
        Options(method="occlusion"),
        Options(method="occlusion", occlude=2),
    ]
    for one in options:
        assert not case.make(tmp_path / "out", options=one).reused


def test_without_a_sign_pictures_go_from_white_to_purple(case, tmp_path: Path) -> None:
    made = case.make(tmp_path / "out", options=Options(method="single"))
    raw = cv2.cvtColor(cv2.imread(str(made.folder / "raw-MSI.png"), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    column, row = (read_features(case.features).coords // 32).T
    dark = raw[row[case.planted_for], column[case.planted_for]].astype(int)
    pale = raw[row[case.planted_against], column[case.planted_against]].astype(int)
    assert dark[:, 1].max() < 60
    assert pale[:, :3].min() > 230
    assert (dark[:, 2] > dark[:, 0]).all()


def test_transformer_slide_is_refused_by_default_and_explained_by_another_method(case, tmp_path: Path) -> None:
    kind = read_model_kind(case)
    spec = ModelSpec(TARGETS, kind, 16, 8, aggregator="transformer")
    save_model(case.model, Model(spec.first_state(3), spec))
    with pytest.raises(InputError, match="--method single, ig, occlusion"):
        case.make(tmp_path / "out")
    assert case.make(tmp_path / "out", options=Options(method="ig")).files


def read_model_kind(case) -> FeatureKind:
    from models.model_file import load_model

    return load_model(case.model).spec.features


def test_settings_of_another_method_are_refused() -> None:
    with pytest.raises(ConfigError, match="--occlude is a setting of --method occlusion"):
        method_named("attention", occlude=2)
    with pytest.raises(ConfigError, match="choose one of contribution, attention"):
        method_named("gradcam")


@pytest.mark.parametrize("aggregator", ["gated_attention", "transformer"])
def test_an_ensemble_is_explained_like_its_members(aggregator: str) -> None:
    one, other = (model_of(aggregator, seed, strength=1.5) for seed in (1, 2))
    state = {f"members.{i}.{name}": w for i, model in enumerate((one, other)) for name, w in model.state.items()}
    ensemble, features = Model(state, replace(one.spec, members=2)), bag(30)
    for name in methods_for(aggregator):
        method = method_named(name)
        found = method.explain(ensemble, features, ["BRAF"])[0]
        if name == "single":
            assert found.values.shape == (30,)
            continue
        # All others are linear in the log-odds, or in the attention, whose mean an ensemble has.
        members = [method.explain(model, features, ["BRAF"])[0].values for model in (one, other)]
        np.testing.assert_allclose(found.values, np.mean(members, axis=0), atol=1e-9)
