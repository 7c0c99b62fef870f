"""The bars of the issue: which methods are true on bags whose evidence is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from heatmaps.evaluation.evaluate import evaluate
from heatmaps.evaluation.results import Case, Evaluation, Plan
from heatmaps.methods import method_named
from models.predict import predict_bag
from pipelines.features import write_features
from tests.heatmaps.evaluation.bags import Drawn, planted_bag, pos_neg_bag, trained

if TYPE_CHECKING:
    from models.model_file import Model


@pytest.fixture(scope="module")
def pos_neg() -> tuple[Model, list[Drawn]]:
    rng = np.random.default_rng(0)
    bags = [pos_neg_bag(f"bag {index}", rng) for index in range(1350)]
    model, held_out = trained(bags[:1200], steps=2500), bags[1200:]
    return model, [one for one in held_out if {1, -1} <= set(one.evidence.tolist())]


def auprc2(relevance: np.ndarray, evidence: np.ndarray) -> float:
    """xMIL's AUPRC-2: tiles for should have the highest numbers and tiles against the lowest; mean of both areas."""
    speak_for = average_precision_score(evidence == 1, relevance)
    return float(speak_for + average_precision_score(evidence == -1, -relevance)) / 2


def test_on_pos_neg_bags_contribution_finds_both_sides_and_attention_neither(pos_neg) -> None:
    model, bags = pos_neg
    found = {
        name: np.mean([auprc2(method_named(name).explain(model, b.features)[0].values, b.evidence) for b in bags])
        for name in ("contribution", "attention")
    }
    rng = np.random.default_rng(1)
    chance = np.mean([auprc2(rng.random(len(b.evidence)), b.evidence) for b in bags for _ in range(5)])
    assert found["contribution"] >= 0.85
    assert abs(found["attention"] - chance) < 0.06


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluation, Model, list[Drawn]]:
    folder, rng = tmp_path_factory.mktemp("planted"), np.random.default_rng(2)
    bags = [planted_bag(f"slide {index}", rng) for index in range(140)]
    model, held_out = trained(bags[:100], steps=300), bags[100:]
    cases = []
    for one in held_out:
        path = folder / f"{one.features.slide_id}.h5"
        write_features(path, one.features)
        cases.append(Case(path, one.features.slide_id, one.label))
    methods = [method_named(name) for name in ("contribution", "attention")]
    return evaluate(model, cases, Plan("MSI", methods, seed=5, redraws=2)), model, held_out


def test_on_planted_signal_contribution_gains_more_than_attention_and_chance(planted) -> None:
    found, _, bags = planted
    assert len(found.slides) > 0.9 * len(bags)
    contribution, attention, chance = (found.mean(name, "gain") for name in ("contribution", "attention", "random"))
    assert contribution.low > 0
    assert contribution.low > attention.high
    assert contribution.low > chance.high
    assert chance.low < 0.05
    assert chance.high > -0.05
    assert found.mean("contribution", "gain_over_random").low > 0


def test_prediction_turns_when_all_that_speaks_for_it_is_gone(planted) -> None:
    found, *_ = planted
    assert found.mean("contribution", "flips").value > 0.95


def test_a_model_that_learnt_nothing_has_another_heatmap(planted) -> None:
    found, *_ = planted
    assert found.mean("contribution", "redrawn").high < 0.6


def test_most_relevant_tiles_are_the_planted_ones(planted) -> None:
    _, model, bags = planted
    for one in bags[:10]:
        values = method_named("contribution").explain(model, one.features)[0].values
        count = int((one.evidence == 1).sum())
        assert predict_bag(model, one.features.features)["MSI"] == pytest.approx(one.label, abs=0.2)
        assert (one.evidence[np.argsort(-values)[:count]] == 1).all()
