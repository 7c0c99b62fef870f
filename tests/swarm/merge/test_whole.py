"""The whole state: what is remembered lies under the root, and nothing is where nothing needs to be."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_swarm.errors import IntegrityError, SwarmError
from wsi_swarm.swarm.merge.contribution import Contribution
from wsi_swarm.swarm.merge.mean import weighted_mean
from wsi_swarm.swarm.merge.median import Median
from wsi_swarm.swarm.merge.momentum import Momentum
from wsi_swarm.swarm.merge.whole import (
    MergePlan,
    SyncPlan,
    merge,
    model_of,
    pack_loss,
    start,
    steps_of,
    unpack_loss,
)
from wsi_swarm.swarm.state.encoding import FixedState, decode, encode, from_bytes

MODEL = encode({"a": np.ones((2, 3), np.float32), "z": np.zeros(4, np.float32), "seven": np.float32(7)}, 24)
STILL = FixedState(MODEL.layout, np.zeros(11, np.int32))
ADAPTIVE = MergePlan(sync=SyncPlan(10, 35))


def names(whole: FixedState) -> list[str]:
    return [name for name, _ in whole.layout.tensors]


def test_plain_mean_remembers_nothing(setting):
    model, parts = setting(4)
    assert start(model, MergePlan()) is model
    assert merge(model, parts, MergePlan()).root == weighted_mean(model, parts).root


def test_the_memory_stands_among_the_tensors_in_their_order():
    whole = start(MODEL, MergePlan(Momentum(), sync=SyncPlan(10, 80)))
    assert names(whole) == ["a", "server.momentum", "server.sync", "seven", "z"]
    assert model_of(whole).root == MODEL.root
    assert from_bytes(whole.to_bytes()).root == whole.root


def test_what_is_remembered_goes_on_at_one_who_joins_late(setting):
    plan = MergePlan(Momentum(), sync=SyncPlan(10, 80))
    model, parts = setting(3)
    third = merge(merge(start(model, plan), parts, plan), parts, plan)
    late = from_bytes(third.to_bytes())
    assert merge(late, parts, plan).root == merge(third, parts, plan).root
    assert merge(start(model_of(third), plan), parts, plan).root != merge(third, parts, plan).root


def test_every_state_survives_a_file_of_floats(setting):
    plan = MergePlan(Momentum(), sync=SyncPlan(10, 80))
    model, parts = setting(3)
    whole = merge(start(model, plan), [replace(part, loss=0.7) for part in parts], plan)
    assert encode(decode(whole), 24).root == whole.root


def test_weights_count_only_where_they_are_agreed(setting):
    model, parts = setting(3)
    equal = [replace(part, weight=1) for part in parts]
    assert merge(model, parts, MergePlan(weighted=False)).root == merge(model, equal, MergePlan()).root
    assert merge(model, parts, MergePlan()).root != merge(model, equal, MergePlan()).root


def test_a_model_must_not_use_the_names_of_the_memory():
    with pytest.raises(SwarmError, match=r"'server\.'"):
        start(encode({"server.sync": np.zeros(2, np.float32)}, 24), MergePlan())


@pytest.mark.parametrize("plan", [MergePlan(Momentum()), ADAPTIVE])
def test_a_state_of_another_plan_is_refused(setting, plan):
    model, parts = setting(3)
    for whole, other in ((model, plan), (start(model, plan), MergePlan())):
        with pytest.raises(IntegrityError, match="fetch the state of this run"):
            merge(whole, parts, other)


def test_updates_are_of_the_model_not_of_the_whole(setting):
    plan = MergePlan(Momentum())
    model, parts = setting(3)
    whole = start(model, plan)
    grown = [replace(part, delta=start(part.delta, plan)) for part in parts]
    with pytest.raises(IntegrityError, match="does not fit"):
        merge(whole, grown, plan)


# Adaptive interval ---------------------------------------------------------------------------------------------------


def train(whole: FixedState, plan: MergePlan, *losses: float | None) -> FixedState:
    parts = [Contribution(f"0x{i}", i + 1, STILL, loss) for i, loss in enumerate(losses)]
    return merge(whole, parts, plan)


def intervals(plan: MergePlan, *rounds: tuple[float | None, ...]) -> list[int]:
    whole, steps = start(MODEL, plan), []
    for losses in rounds:
        whole = train(whole, plan, *losses)
        steps.append(steps_of(whole, plan))
    return steps


def test_the_interval_doubles_while_the_loss_falls_and_starts_anew_when_it_rises():
    losses = [(0.9,), (0.8,), (0.7,), (0.6,), (0.6,), (0.61,), (0.5,)]
    assert steps_of(start(MODEL, ADAPTIVE), ADAPTIVE) == 10
    assert intervals(ADAPTIVE, *losses) == [10, 20, 35, 35, 35, 10, 20]


def test_the_mean_loss_is_weighted_as_the_merge_is():
    assert intervals(ADAPTIVE, (1.0, 1.0), (1.15, 0.9)) == [10, 20]  # the second member weighs twice
    assert intervals(replace(ADAPTIVE, weighted=False), (1.0, 1.0), (1.15, 0.9)) == [10, 10]


def test_who_tells_no_loss_does_not_count_and_silence_changes_nothing():
    assert intervals(ADAPTIVE, (1.0, None), (0.9, None), (None, None), (0.8, 0.8)) == [10, 20, 20, 35]


def test_a_fixed_interval_is_what_was_agreed():
    plan = MergePlan(Median(), False, SyncPlan(17))
    assert steps_of(start(MODEL, plan), plan) == 17


@given(
    st.lists(st.lists(st.floats(width=16, allow_nan=False, allow_infinity=False), min_size=1, max_size=4), max_size=6)
)
def test_whatever_members_say_the_interval_stays_within_what_was_agreed(rounds):
    assert all(10 <= steps <= 35 for steps in intervals(ADAPTIVE, *(tuple(losses) for losses in rounds)))


# Loss in the flags ---------------------------------------------------------------------------------------------------


@given(st.floats(0.001, 65504))
def test_a_loss_is_told_to_three_digits(loss):
    flags = pack_loss(loss)
    assert 0 < flags < 2**16
    assert unpack_loss(flags) == pytest.approx(loss, rel=2**-11, abs=2**-25)


def test_ends_of_the_loss():
    assert pack_loss(math.nan) == 0
    assert unpack_loss(0) is None
    assert unpack_loss(pack_loss(0.0)) == pytest.approx(0, abs=1e-7)
    assert unpack_loss(pack_loss(math.inf)) == 65504
    assert unpack_loss(pack_loss(-1e9)) == -65504
    assert unpack_loss(0x7C00) is None  # infinity: not packed by anybody honest
    assert unpack_loss(0x7E00) is None  # not a number
    assert unpack_loss(0xFFFF0000 | pack_loss(0.5)) == 0.5
