from __future__ import annotations

import math

import numpy as np
import pytest

from heatmaps.evaluation.intervals import mean_of
from heatmaps.evaluation.localisation import localise
from heatmaps.evaluation.perturbation import Perturber
from heatmaps.evaluation.randomisation import likeness
from models.model_file import Model, ModelSpec
from models.predict import predict_bag
from tests.heatmaps.evaluation.bags import KIND, TARGET


@pytest.fixture
def model() -> Model:
    spec = ModelSpec((TARGET,), KIND, 8, 4, aggregator="gated_attention")
    return Model({name: (weight * 4).astype("f4") for name, weight in spec.first_state(2).items()}, spec)


def vectors(tiles: int) -> np.ndarray:
    return np.random.default_rng(tiles).normal(size=(tiles, KIND.dim)).astype(np.float16)


@pytest.mark.parametrize("tiles", [1, 7, 100, 250])
def test_curves_are_predictions_of_what_is_left(model: Model, tiles: int) -> None:
    bag, relevance = vectors(tiles), np.random.default_rng(1).normal(size=tiles)
    curve = Perturber(model, bag, 0, positive=True).curves(relevance)
    steps = min(100, tiles)
    assert curve.most_first.shape == curve.least_first.shape == (steps + 1,)
    order = np.argsort(-relevance)
    for step in {0, min(1, steps - 1), steps // 2, steps - 1}:
        gone = round(step * tiles / steps)
        for values, ranked in ((curve.most_first, order), (curve.least_first, order[::-1])):
            left = bag[np.sort(ranked[gone:])]
            assert values[step] == pytest.approx(predict_bag(model, left)["MSI"], abs=1e-6)
    nothing = predict_bag(model, np.zeros((1, KIND.dim)))["MSI"]
    assert curve.most_first[-1] == curve.least_first[-1] == pytest.approx(nothing, abs=1e-6)


def test_areas_and_gain_follow_their_definitions(model: Model) -> None:
    relevance = np.random.default_rng(1).normal(size=50)
    curve = Perturber(model, vectors(50), 0, positive=True).curves(relevance)
    turned = Perturber(model, vectors(50), 0, positive=True).curves(-relevance)
    assert curve.deletion == pytest.approx(curve.most_first.mean())
    assert curve.gain == pytest.approx(curve.insertion - curve.deletion)
    assert turned.gain == pytest.approx(-curve.gain)
    assert turned.deletion == pytest.approx(curve.insertion)


def test_insertion_is_the_least_relevant_order_read_backwards(model: Model) -> None:
    bag, relevance = vectors(20), np.random.default_rng(3).normal(size=20)
    curve = Perturber(model, bag, 0, positive=True).curves(relevance)
    best = np.argsort(-relevance)
    inserted = [predict_bag(model, bag[np.sort(best[:count])])["MSI"] for count in range(1, 21)]
    np.testing.assert_allclose(curve.least_first[::-1][1:], inserted, atol=1e-6)


def test_the_other_class_has_the_other_probability(model: Model) -> None:
    relevance = np.random.default_rng(1).normal(size=30)
    one, other = (Perturber(model, vectors(30), 0, positive).curves(relevance) for positive in (True, False))
    np.testing.assert_allclose(one.most_first + other.most_first, 1)


def test_interval_is_over_patients_and_not_over_their_slides() -> None:
    rng = np.random.default_rng(0)
    of_patients = rng.normal(size=20)
    slides = np.repeat(of_patients, 10)
    clustered = mean_of(slides, [f"p{index // 10}" for index in range(200)], seed=1)
    apart = mean_of(slides, [f"s{index}" for index in range(200)], seed=1)
    assert clustered.value == apart.value == pytest.approx(of_patients.mean())
    assert clustered.high - clustered.low > 2 * (apart.high - apart.low)
    error = of_patients.std() / math.sqrt(20)
    assert (clustered.high - clustered.low) == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_interval_leaves_out_slides_without_a_value_and_says_so() -> None:
    found = mean_of([1.0, math.nan, 3.0], ["a", "b", "c"], seed=0)
    assert (found.value, found.slides) == (2.0, 2)
    assert mean_of([math.nan], ["a"], seed=0) is None
    alone = mean_of([1.0, 2.0], ["a", "a"], seed=0)
    assert (alone.value, alone.low, alone.high) == (1.5, None, None)


def test_localisation() -> None:
    inside = np.array([True, True, False, False])
    assert localise(np.array([4.0, 3, 2, 1]), inside) == (1.0, 1.0, 1.0)
    assert localise(np.array([1.0, 2, 3, 4]), inside) == (0.0, 0.0, 0.0)
    assert localise(np.array([4.0, 1, 3, 2]), inside)[:2] == (0.5, 1.0)
    assert all(math.isnan(value) for value in localise(np.arange(4.0), np.ones(4, bool)))
    ranked = np.arange(250.0)[::-1].copy()
    assert localise(ranked, np.arange(250) < 2).top_percent == pytest.approx(2 / 3)


def test_likeness_knows_no_up_and_down_and_refuses_flat_pictures() -> None:
    values = np.random.default_rng(0).normal(size=500)
    assert likeness(values, np.exp(values)) == pytest.approx(1)
    assert likeness(values, -values) == pytest.approx(1)
    assert likeness(values, np.random.default_rng(1).normal(size=500)) < 0.15
    assert math.isnan(likeness(values, np.ones(500)))
