from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from models.bags import data_sha256
from models.mil_learner import Hyperparameters, MilLearner
from models.model_file import Model
from models.predict import predict_bag
from models.train import default_steps, train_model
from models.training import class_weights, learning_rate, masked_loss, proximal_loss
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.learner import Learner, State


def digest(state: State) -> str:
    return hashlib.sha256(b"".join(name.encode() + state[name].tobytes() for name in sorted(state))).hexdigest()


@pytest.fixture
def learner(make_planted: Callable, make_spec: Callable) -> MilLearner:
    return MilLearner.from_bags(*make_planted(24, seed=1), make_spec())


def test_a_planted_signal_is_learnt_for_both_targets(learner: MilLearner, make_planted: Callable) -> None:
    model = Model(train_model(learner, 10, 20, seed=0), learner.spec)
    bags, labels = make_planted(60, seed=2)
    probabilities = [predict_bag(model, bag.tiles) for bag in bags]
    for index, name in enumerate(("MSI", "BRAF")):
        assert roc_auc_score(labels[:, index], [p[name] for p in probabilities]) > 0.9


def test_training_is_a_pure_function(learner: MilLearner) -> None:
    protocol: Learner = learner
    start = protocol.initial_state(5)
    before = digest(start)
    first = protocol.train(start, 3, 10, 7, 5)
    torch.manual_seed(99)
    np.random.seed(99)
    protocol.train(start, 0, 10, 3, 6)
    again = protocol.train(start, 3, 10, 7, 5)
    assert digest(first.state) == digest(again.state)
    assert first.loss == again.loss
    assert first.steps == 7
    assert digest(start) == before
    assert digest(protocol.train(start, 4, 10, 7, 5).state) != digest(first.state)
    assert digest(protocol.train(start, 3, 10, 7, 6).state) != digest(first.state)


def test_the_thread_count_outside_neither_matters_nor_changes(learner: MilLearner) -> None:
    start = learner.initial_state(0)
    results = []
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        results.append(digest(learner.train(start, 0, 2, 5, 0).state))
        assert torch.get_num_threads() == threads
    assert len(set(results)) == 1


FRESH = """
import hashlib, importlib.util, sys
spec = importlib.util.spec_from_file_location("planted_module", sys.argv[1])
helper = importlib.util.module_from_spec(spec)
sys.modules["planted_module"] = helper
spec.loader.exec_module(helper)
from models.mil_learner import MilLearner
from models.training import proximal_loss
from models.train import train_model
learner = MilLearner.from_bags(*helper.planted(24, 1), helper.spec())
state = train_model(learner, 2, 5, seed=4)
print(hashlib.sha256(b"".join(n.encode() + state[n].tobytes() for n in sorted(state))).hexdigest())
"""


def test_a_fresh_process_trains_identical_bytes(learner: MilLearner) -> None:
    helper = str(Path(__file__).with_name("conftest.py"))
    done = subprocess.run([sys.executable, "-c", FRESH, helper], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest(train_model(learner, 2, 5, seed=4))


def test_an_unknown_label_adds_no_gradient() -> None:
    weights = np.ones((2, 2), np.float32)
    logits = torch.tensor([[0.3, -0.2], [1.0, 2.0]], requires_grad=True)
    masked_loss(logits, np.array([[1, np.nan], [0, np.nan]], np.float32), weights).backward()
    assert torch.equal(logits.grad[:, 1], torch.zeros(2))
    assert (logits.grad[:, 0] != 0).all()
    empty = masked_loss(logits, np.full((2, 2), np.nan, np.float32), weights)
    assert empty.item() == 0.0


def test_a_target_that_nobody_has_keeps_its_head_and_attention(make_planted: Callable, make_spec: Callable) -> None:
    bags, labels = make_planted(16, seed=1)
    labels[:, 1] = np.nan
    learner = MilLearner.from_bags(bags, labels, make_spec(), Hyperparameters(weight_decay=0.0))
    start = learner.initial_state(0)
    state = learner.train(start, 0, 1, 10, 0).state
    for name in ("head.weight", "head.bias", "score"):
        assert np.array_equal(state[name][1], start[name][1])
        assert not np.array_equal(state[name][0], start[name][0])
    assert np.array_equal(state["gate_tanh.weight"][8:], start["gate_tanh.weight"][8:])


def test_a_patient_may_miss_one_target(make_planted: Callable, make_spec: Callable) -> None:
    bags, labels = make_planted(40, seed=1)
    labels[::2, 0] = np.nan
    labels[1::4, 1] = np.nan
    learner = MilLearner.from_bags(bags, labels, make_spec())
    model = Model(train_model(learner, 10, 20, seed=0), learner.spec)
    test_bags, test_labels = make_planted(60, seed=2)
    probabilities = [predict_bag(model, bag.tiles) for bag in test_bags]
    for index, name in enumerate(("MSI", "BRAF")):
        assert roc_auc_score(test_labels[:, index], [p[name] for p in probabilities]) > 0.9


def test_classes_weigh_the_same_and_a_rare_one_is_capped() -> None:
    labels = np.array([[1, 1], [0, 0], [0, 0], [0, np.nan]] + [[0, 0]] * 96, np.float32)
    weights = class_weights(labels, cap=10.0)
    assert weights[0] == pytest.approx([100 / (2 * 99), 99 / (2 * 98)])
    assert weights[1] == pytest.approx([10.0, 10.0])
    assert np.isfinite(class_weights(np.zeros((3, 1), np.float32), 10.0)).all()


def test_the_rate_warms_up_and_falls_to_nothing_over_all_rounds() -> None:
    h = Hyperparameters(learning_rate=1.0, warm_up=0.1)
    rates = [learning_rate(h, done) for done in np.linspace(0, 1, 101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert np.argmax(rates) == 10
    assert (np.diff(rates[:11]) > 0).all()
    assert (np.diff(rates[10:]) < 0).all()
    assert rates[-1] == pytest.approx(0.0, abs=1e-12)


def test_more_patients_than_a_batch_and_fewer_both_work(make_planted: Callable, make_spec: Callable) -> None:
    for patients in (3, 9):
        learner = MilLearner.from_bags(*make_planted(patients, seed=0), make_spec())
        assert learner.n_patients == patients
        assert np.isfinite(learner.train(learner.initial_state(0), 0, 1, 4, 0).loss)


def test_the_data_hash_sees_tiles_and_labels(make_planted: Callable) -> None:
    bags, labels = make_planted(4, seed=0)
    first = data_sha256(bags, labels)
    other = labels.copy()
    other[0, 0] = 1 - other[0, 0]
    moved = [replace(bags[0], tiles=bags[0].tiles + np.float16(1)), *bags[1:]]
    assert len({first, data_sha256(bags, other), data_sha256(moved, labels)}) == 3
    renamed = [replace(bag, patient_id="x") for bag in bags]
    assert data_sha256(renamed, labels) == first


def test_values_out_of_range_are_refused(learner: MilLearner) -> None:
    with pytest.raises(ConfigError, match=r"dropout is 1\.0; choose a value from 0 to 0\.95"):
        Hyperparameters(dropout=1.0)
    with pytest.raises(ConfigError, match="rounds and steps must be at least 1"):
        train_model(learner, 0, 5, seed=0)


def test_default_steps_see_each_patient_about_twice(make_planted: Callable, make_spec: Callable) -> None:
    for patients, steps in ((10, 20), (120, 30)):
        assert default_steps(MilLearner.from_bags(*make_planted(patients, seed=0), make_spec())) == steps


def test_the_proximal_term_holds_a_round_near_its_base(make_planted: Callable, make_spec: Callable) -> None:
    """FedProx: the stronger, the shorter the way from the round's base; the term itself is mu/2 times its square."""
    bags, labels = make_planted(24, seed=1)
    ways = []
    for strength in (0.0, 1.0, 100.0):
        one = MilLearner.from_bags(bags, labels, make_spec(), Hyperparameters(proximal=strength, weight_decay=0.0))
        base = one.initial_state(0)
        trained = one.train(base, 2, 10, 30, seed=0).state
        ways.append(sum(float(np.square(trained[name] - base[name]).sum()) for name in base))
    assert ways[0] > 1.5 * ways[1] > 3 * ways[2] > 0
    moved = [torch.full((2, 3), 1.5), torch.zeros(4)]
    assert proximal_loss(moved, [torch.ones(2, 3), torch.zeros(4)], 4.0).item() == pytest.approx(0.5 * 4.0 * 6 * 0.25)


def test_an_epoch_is_every_patient_once(make_planted: Callable, make_spec: Callable) -> None:
    bags, labels = make_planted(17, seed=1)
    assert MilLearner.from_bags(bags, labels, make_spec(), Hyperparameters(batch_patients=8)).steps_per_epoch == 3
    assert MilLearner.from_bags(bags, labels, make_spec(), Hyperparameters(batch_patients=64)).steps_per_epoch == 1
