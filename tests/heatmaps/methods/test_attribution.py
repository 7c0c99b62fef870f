from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heatmaps.methods.attribution import all_contributions, assert_exact, contributions
from models.aggregators.gated_attention import initial_state
from models.feature_kind import FeatureKind
from models.model_file import Model, ModelSpec
from models.predict import predict_bag
from models.targets import Target
from pipelines.errors import InputError
from pipelines.features import Features, describe

TARGETS = (Target("MSI", "MSIH", ("MSS",)), Target("BRAF", "MUT", ("WT",)))


def random_model(seed: int) -> Model:
    state = initial_state(dim_in=12, hidden=16, attention=8, targets=2, seed=seed)
    state = {name: weight * 5 for name, weight in state.items()}
    state["head.bias"] = np.array([-0.7, 0.3], np.float32)
    return Model(state, ModelSpec(TARGETS, FeatureKind("random", "", "", 12, 112.0, 0.5), 16, 8))


def random_features(tiles: int, seed: int) -> Features:
    rng = np.random.default_rng(seed)
    coords = np.stack([np.arange(tiles) * 10, np.zeros(tiles)], axis=1).astype(np.int32)
    attrs = describe(slide_size=(10 * tiles, 10), mpp=0.5, tile_px=10, encoder="random")
    return Features("s", rng.normal(size=(tiles, 12)).astype(np.float16), coords, attrs)


@pytest.mark.parametrize("tiles", [1, 2, 10_000])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shares_and_bias_are_the_logit(tiles: int, seed: int) -> None:
    for scores in all_contributions(random_model(seed), random_features(tiles, seed)):
        assert scores.contribution.dtype == np.float64
        assert abs(scores.bias + scores.contribution.sum() - scores.logit) < 1e-5
        assert 1 / (1 + np.exp(-scores.logit)) == pytest.approx(scores.probability, abs=1e-5)
        assert scores.attention_x_uniform.mean() == pytest.approx(1)


def test_probability_is_exactly_that_of_predict() -> None:
    model, features = random_model(4), random_features(333, 4)
    expected = predict_bag(model, features.features)
    assert {one.target: one.probability for one in all_contributions(model, features)} == expected


def test_without_the_tile_that_speaks_loudest_the_evidence_falls(make_features, make_model) -> None:
    features, planted_for, _ = make_features("s")
    whole = contributions(make_model(), features, "MSI")
    left = np.setdiff1d(np.arange(len(features.coords)), planted_for)
    rest = replace(features, features=features.features[left], coords=features.coords[left])
    assert set(np.argsort(-whole.contribution)[: len(planted_for)]) == set(planted_for)
    assert contributions(make_model(), rest, "MSI").logit < whole.logit - 0.5


def test_targets_are_kept_apart_and_in_the_order_asked(make_features, make_model) -> None:
    features, planted_for, planted_against = make_features("s")
    braf, msi = all_contributions(make_model(), features, ["BRAF", "MSI"])
    assert (braf.target, msi.target) == ("BRAF", "MSI")
    assert (msi.contribution[planted_for] > 0).all()
    assert (braf.contribution[planted_for] < 0).all()
    assert (braf.contribution[planted_against] > 0).all()


def test_unknown_target_is_refused() -> None:
    with pytest.raises(InputError, match="KRAS"):
        contributions(random_model(0), random_features(3, 0), "KRAS")


def test_a_sum_that_misses_the_logit_is_an_error() -> None:
    scores = contributions(random_model(0), random_features(30, 0), "MSI")
    assert_exact(scores)
    with pytest.raises(ArithmeticError, match="miss the logit"):
        assert_exact(replace(scores, bias=scores.bias + 1e-4))
    with pytest.raises(ArithmeticError, match="predict gives"):
        assert_exact(replace(scores, probability=scores.probability + 0.01))


@pytest.mark.parametrize(
    ("target", "positive", "label"),
    [
        ("MSI", "MSIH", "MSIH"),
        ("isMSIH", "MSIH", "MSIH"),
        ("BRAF", "MUT", "BRAF MUT"),
        ("BRAF_driver", "1", "BRAF_driver 1"),
    ],
)
def test_label_says_which_target_it_belongs_to(target: str, positive: str, label: str) -> None:
    scores = contributions(random_model(0), random_features(3, 0), "MSI")
    assert replace(scores, target=target, positive=positive).label == label


@pytest.mark.parametrize("name", ["transmil", "transformer", "saldanha2022"])
def test_an_aggregator_without_exact_shares_is_refused_with_a_sentence(name: str) -> None:
    spec = ModelSpec(TARGETS, FeatureKind("random", "", "", 12, 112.0, 0.5), 16, 8, aggregator=name)
    model = Model(spec.first_state(0), spec)
    with pytest.raises(InputError, match=f"aggregator '{name}' .* no tile has an exact share .*gated_attention"):
        all_contributions(model, random_features(5, 0))


@pytest.mark.parametrize("name", ["mean", "max", "attention", "clam_sb", "dsmil"])
def test_other_aggregators_shares_are_exact_too(name: str) -> None:
    spec = ModelSpec(TARGETS, FeatureKind("random", "", "", 12, 112.0, 0.5), 16, 8, aggregator=name)
    for scores in all_contributions(Model(spec.first_state(1), spec), random_features(50, 1)):
        assert_exact(scores)
