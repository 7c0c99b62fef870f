"""What holds for every aggregator: packing, gradients, exact shares, learning, the file, prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from models.aggregators import AGGREGATORS, aggregator_class
from models.bags import Bag
from models.feature_kind import FeatureKind
from models.hyperparameters import Hyperparameters, default_hyperparameters
from models.mil_learner import MilLearner
from models.model_file import Model, ModelSpec, load_model, save_model
from models.predict import predict_bag
from models.targets import Target
from models.train import train_model
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from models.aggregators import Aggregator

TARGETS = (Target("A", "yes", ("no",)), Target("B", "yes", ("no",)))
LENGTHS = (1, 30, 7, 2)
every = pytest.mark.parametrize("name", AGGREGATORS)
explaining = pytest.mark.parametrize("name", [name for name, made in AGGREGATORS.items() if made.explains])


@pytest.fixture(autouse=True)
def _one_torch_thread() -> None:
    torch.set_num_threads(1)


def spec(name: str, members: int = 1, dim: int = 12) -> ModelSpec:
    kind = FeatureKind("toy", "", "", dim, 112.0, 0.5)
    return ModelSpec(TARGETS, kind, 16, 8, aggregator=name, members=members)


def network(name: str, seed: int = 3, members: int = 1) -> Aggregator:
    """Weights with some life in biases and head, in float64."""
    made = spec(name, members)
    rng = np.random.default_rng(seed)
    state = {key: value + rng.normal(0, 0.1, value.shape).astype("f4") for key, value in made.first_state(seed).items()}
    return Model(state, made).network().double()


def some_bags(seed: int = 0) -> list[torch.Tensor]:
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(rng.normal(size=(length, 12))) for length in LENGTHS]


@every
def test_a_bag_is_classified_alike_alone_and_among_others(name: str) -> None:
    net, bags = network(name), some_bags()
    packed = net.forward_bags(torch.cat(bags), LENGTHS)
    alone = torch.cat([net.forward_bags(bag, [len(bag)]) for bag in bags])
    assert packed.shape == (4, 2)
    assert torch.allclose(packed, alone, atol=1e-10)
    assert torch.allclose(net.predict(torch.cat(bags), LENGTHS), torch.sigmoid(packed))


@every
def test_every_weight_learns_from_known_labels_and_from_no_other_patient(name: str) -> None:
    net = network(name).float().requires_grad_(True)
    tiles = torch.cat(some_bags()).float().requires_grad_(True)
    labels = np.array([[np.nan, np.nan], [1, 0], [0, np.nan], [1, 1]], np.float32)
    loss = net.loss(tiles, list(LENGTHS), labels, np.ones((2, 2), np.float32))
    loss.backward()
    assert torch.isfinite(loss)
    for key, value in net.named_parameters():
        assert value.grad is not None, key
        assert (value.grad != 0).any(), key
    assert (tiles.grad[0] == 0).all()
    assert (tiles.grad[1:] != 0).any()


@explaining
@pytest.mark.parametrize("members", [1, 3])
def test_shares_and_bias_sum_to_the_logit(name: str, members: int) -> None:
    net = network(name, members=members)
    for bag in some_bags(1):
        output = net(bag)
        total = net.contributions(output).sum(dim=1) + net.bias
        assert torch.allclose(total, output.logits, atol=1e-10)
        assert torch.allclose(output.logits, net.forward_bags(bag, [len(bag)])[0], atol=1e-10)
        assert torch.allclose(output.attention.sum(dim=1), torch.ones(2).double())
        assert (output.attention >= 0).all()


@pytest.mark.parametrize("name", [name for name, made in AGGREGATORS.items() if not made.explains])
def test_what_cannot_explain_says_so(name: str) -> None:
    net = network(name)
    with pytest.raises(TypeError, match="explain"):
        net(some_bags()[1])


@pytest.mark.parametrize("name", [name for name in AGGREGATORS if name != "transmil"])
def test_the_order_of_the_tiles_means_nothing(name: str) -> None:
    net, bag = network(name), some_bags()[1]
    assert torch.allclose(net.forward_bags(bag, [30]), net.forward_bags(bag.flip(0), [30]), atol=1e-10)


@every
def test_dropout_draws_from_the_generator_given_and_from_nothing_else(name: str) -> None:
    net = network(name).float()
    net.dropout = net.input_dropout = 0.5
    tiles, before = torch.cat(some_bags()).float(), torch.random.get_rng_state()
    first, again, other = (net.forward_bags(tiles, LENGTHS, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


def planted(patients: int, seed: int) -> tuple[list[Bag], np.ndarray]:
    """Half of a positive patient's tiles are shifted along the target's own axis."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(2 * patients).reshape(patients, 2) % 3 == rng.integers(3, size=(patients, 1))).astype("f4")
    bags = []
    for index, row in enumerate(labels):
        values = rng.normal(0, 0.5, (int(rng.integers(10, 24)), 12))
        for target in np.flatnonzero(row):
            values[rng.random(len(values)) < 0.5, target] += 2.5
        bags.append(Bag(f"P{index}", values.astype(np.float16)))
    return bags, labels


@every
def test_it_learns_repeats_bit_for_bit_and_survives_its_file(name: str, tmp_path: Path) -> None:
    bags, labels = planted(36, 1)
    settings = Hyperparameters(learning_rate=3e-3, batch_tiles=64, balanced=False, input_dropout=0.1, dropout=0.0)
    learner = MilLearner.from_bags(bags, labels, spec(name), settings)
    # TransMIL is slow to compute and to learn: that it begins to learn must do here.
    state = train_model(learner, 4, 6 if name == "transmil" else 20, seed=2)
    first = learner.train(learner.initial_state(2), 0, 4, 2, 2).state
    again = learner.train(learner.initial_state(2), 0, 4, 2, 2).state
    assert all(first[key].tobytes() == again[key].tobytes() for key in first)
    save_model(tmp_path / "model", Model(state, learner.spec))
    loaded = load_model(tmp_path / "model")
    assert loaded.spec.aggregator == name
    test_bags, test_labels = planted(40, 2)
    for index, target in enumerate("AB"):
        scores = [predict_bag(loaded, bag.tiles)[target] for bag in test_bags]
        assert roc_auc_score(test_labels[:, index], scores) > (0.55 if name == "transmil" else 0.85)


def test_an_unknown_name_and_an_unfit_width_are_refused() -> None:
    with pytest.raises(ConfigError, match="choose one of mean, max"):
        aggregator_class("median")
    kind = FeatureKind("toy", "", "", 12, 112.0, 0.5)
    with pytest.raises(ConfigError, match="multiple of 8"):
        ModelSpec(TARGETS, kind, 20, 8, aggregator="transmil").shapes()


def test_the_seed_papers_network_and_settings() -> None:
    shapes = ModelSpec(TARGETS[:1], FeatureKind("r18", "", "", 512, 256.0, 0.5), aggregator="saldanha2022").shapes()
    widths = [shapes[f"layers.{i}.weight"] for i in range(4)] + [shapes["head.weight"]]
    assert widths == [(512, 512), (256, 512), (256, 256), (128, 256), (2, 128)]
    found = default_hyperparameters("saldanha2022")
    assert (found.learning_rate, found.weight_decay, found.bag_tiles, found.batch_tiles) == (1e-4, 0.0, 150, 124)
    assert {found.rate(done) for done in (0.0, 0.5, 1.0)} == {1e-4}
    many = [Bag(str(i), np.zeros((tiles, 12), np.float16)) for i, tiles in enumerate((400, 100))]
    learner = MilLearner.from_bags(many, np.array([[0, 1], [1, 0]], "f4"), spec("saldanha2022"))
    assert learner.steps_per_epoch == 3  # 150 + 100 tiles in batches of 124


def test_transmil_fills_up_squares_of_any_bag() -> None:
    net = network("transmil")
    for tiles in range(1, 28):
        assert torch.isfinite(net.forward_bags(torch.ones(tiles, 12).double(), [tiles])).all()
