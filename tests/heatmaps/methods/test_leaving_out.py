"""Leaving groups of tiles out: the short cut gives what the network gives for the smaller bag."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from heatmaps.methods.bags import logits_of
from heatmaps.methods.leaving_out import logits_without
from models.aggregators import AGGREGATORS

DIM = 6


def network_of(name: str, sharpness: float) -> torch.nn.Module:
    torch.manual_seed(4)
    network = AGGREGATORS[name](DIM, 8, 5, 2).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn_like(parameter) * sharpness)
    return network


@pytest.mark.parametrize("sharpness", [0.3, 3.0, 40.0])
@pytest.mark.parametrize("name", ["gated_attention", "attention", "clam_sb", "mean", "max", "dsmil", "transmil"])
def test_it_is_what_the_network_says_of_what_is_left(name: str, sharpness: float) -> None:
    """At 40 one tile has all the attention, and what is left without it is lost in a difference."""
    network = network_of(name, sharpness)
    rng = np.random.default_rng(7)
    tiles = torch.from_numpy(rng.normal(size=(60, DIM)))
    groups = rng.permutation(np.arange(60) % 17)
    expected = logits_of(network, [tiles, *(tiles[torch.from_numpy(groups != group)] for group in range(17))])
    found = logits_without(network, tiles, groups)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["gated_attention", "mean", "max"])
def test_without_everything_one_tile_of_zeros_is_left(name: str) -> None:
    network = network_of(name, 1.0)
    tiles = torch.from_numpy(np.random.default_rng(1).normal(size=(9, DIM)))
    found = logits_without(network, tiles, np.zeros(9, np.int64))
    torch.testing.assert_close(found[1:], logits_of(network, [torch.zeros(1, DIM, dtype=torch.float64)]))
