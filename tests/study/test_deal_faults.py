"""Plans that contradict themselves and patients who cannot be dealt as asked: one sentence each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pipelines.errors import ConfigError
from wsi_swarm.study.dealing.deal import DealPlan, deal


def plan(**given: Any) -> DealPlan:
    return DealPlan(**{"train": ("north", "south", "west"), "test": 0.2, "how": "even", "nodes": 4, **given})


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"how": "fair"}, "no way to deal"),
        ({"train": ()}, "at least one cohort"),
        ({"train": ("north", "north")}, "each once"),
        ({"test": 1.0}, "no share"),
        ({"test": ("north",)}, "none of train"),
        ({"nodes": 1}, "at least 2"),
        ({"how": "cohorts", "nodes": 2}, "leave it out"),
        ({"sizes": (1.0, 1.0, 1.0, 1.0)}, "no sizes"),
        ({"how": "sizes", "sizes": (0.5, 0.5)}, "4 numbers"),
        ({"how": "sizes", "sizes": (0.5, 0.5, 0.0, 0.5)}, "above 0"),
        ({"how": "prevalence", "prevalence": (0.5, 0.5, 0.5, 1.0)}, "below 1"),
        ({"patients": 1}, "too small a cap"),
        ({"test_prevalence": 0.0}, "test_prevalence"),
    ],
)
def test_a_plan_refuses_to_contradict_itself(fault: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        plan(**fault)


@pytest.mark.parametrize(
    ("labels", "one", "says"),
    [
        ([1, 0] * 20, plan(train=("x",)), "no cohort 'x'; there are north"),
        ([1] + [0] * 39, plan(train=("north",)), "0 cases and 8 controls"),
        ([1] * 4 + [0] * 36, plan(train=("north",), test=0.3), "node 4 gets no case .* fewer nodes"),
        ([1, 0] * 20, plan(train=("north",), how="batch"), "1 batches are too few for 4 nodes"),
        ([1, 0] * 20, plan(train=("north",), test_prevalence=0.01), "none of a class would be left"),
        ([1, 0, 2, 0] * 10, plan(train=("north",)), "0, 1 or NaN"),
    ],
)
def test_what_cannot_be_dealt_is_said(labels: list[float], one: DealPlan, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        deal(np.array(labels, float), ["north"] * 40, ["a"] * 40, one, 0)


def test_batches_that_cannot_give_both_classes_are_refused() -> None:
    labels, batches = np.repeat([1.0, 0.0, 0.0, 0.0], 20), np.repeat(list("abcd"), 20).tolist()
    with pytest.raises(ConfigError, match=r"whole batches cannot .* gets no case"):
        deal(labels, ["x"] * 80, batches, plan(train=("x",), how="batch", nodes=2), 0)
    with pytest.raises(ConfigError, match="have no batch"):
        deal(labels, ["x"] * 80, [""] * 80, plan(train=("x",), how="batch", nodes=2), 0)
