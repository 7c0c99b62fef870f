"""The descriptor on real colorectal tiles: carcinoma against the rest, on other slides than those of training."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from models.encoders import get_encoder

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).parents[2] / "benchmarks" / "descriptor.py"
    spec = importlib.util.spec_from_file_location("descriptor_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_finds_carcinoma_better_than_a_random_network(real_data, benchmark):
    folder = real_data / "patches" / "crc5"
    descriptor = benchmark.carcinoma_auroc(folder, get_encoder("stain-texture", None, "cpu"))
    network = benchmark.carcinoma_auroc(folder, get_encoder("resnet18", "random", "cpu"))
    print(f"AUROC stain-texture {descriptor}, random resnet18 {network}")
    assert min(descriptor.values()) >= 0.84
    assert max(network.values()) < min(descriptor.values())


def test_real_tiles_give_the_same_bytes_in_any_batch(real_data, benchmark):
    tiles, _ = benchmark.read_tiles(real_data / "patches" / "crc5", "test")
    encoder = get_encoder("stain-texture", None, "cpu")
    assert (benchmark.encode(encoder, tiles[:64], 1) == benchmark.encode(encoder, tiles[:64], 64)).all()
    assert torch.isfinite(torch.from_numpy(benchmark.encode(encoder, tiles))).all()
