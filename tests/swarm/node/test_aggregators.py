"""``[learner] aggregator`` in run.toml: another network in the same family of learners."""

from __future__ import annotations

from typing import Any

import pytest

from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.config import RunConfig
from wsi_swarm.swarm.node.families import family, model_spec
from wsi_swarm.swarm.node.learning import hyperparameters, initial_model


def run_config(**learner: Any) -> RunConfig:
    features = {
        "encoder": "test", "card_sha256": "ab" * 32, "weights_sha256": "", "dim": 12, "tile_um": 112.0, "mpp": 0.5,
    }  # fmt: skip
    return RunConfig.model_validate(
        {
            "name": "test",
            "targets": ({"name": "MSI", "positive": "MSIH", "negative": ("MSS",)},),
            "rounds": 4,
            "sync_steps": 4,
            "features": features,
            "learner": {"hidden": 16, "attention": 4, **learner},
        }
    )


@pytest.mark.parametrize("name", ["mean", "dsmil", "transmil", "saldanha2022"])
def test_the_run_names_its_aggregator(name: str) -> None:
    config = run_config(aggregator=name)
    assert model_spec(config).aggregator == name
    first = family(config).first_state(config)
    assert {key: value.shape for key, value in first.items()} == model_spec(config).shapes()
    assert initial_model(config).root != initial_model(run_config()).root


def test_a_run_that_names_none_starts_as_it_always_did() -> None:
    assert initial_model(run_config()).root == initial_model(run_config(aggregator="gated_attention")).root


def test_the_seed_papers_settings_are_the_aggregators_and_can_be_changed() -> None:
    found = hyperparameters(run_config(aggregator="saldanha2022", batch_tiles=64))
    assert (found.learning_rate, found.bag_tiles, found.batch_tiles, found.schedule) == (1e-4, 150, 64, "constant")


def test_an_unknown_aggregator_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"run\.toml \[learner\].*choose one of mean"):
        hyperparameters(run_config(aggregator="median"))
