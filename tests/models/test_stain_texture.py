"""The descriptor: deterministic, independent of its batch, and nearly blind to how strongly a centre stains."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import hed_from_rgb

from models.encoders import get_encoder
from models.encoders.stain_texture import feature_names


@pytest.fixture(scope="module")
def encoder():
    return get_encoder("stain-texture", None, "cpu")


def tissue(seed, haematoxylin=1.0, eosin=1.0, side_px=224):
    """A tile with round nuclei on a fibrous ground, stained with the given strengths: uint8 (side, side, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side_px, :side_px]
    nuclei = np.zeros((side_px, side_px))
    for cy, cx, radius in zip(*rng.uniform(0, side_px, (2, 60)), rng.uniform(4, 8, 60), strict=True):
        nuclei = np.maximum(nuclei, np.clip(radius + 1 - np.hypot(y - cy, x - cx), 0, 1))
    fibres = 0.5 + 0.3 * np.sin((x * np.cos(seed) + y * np.sin(seed)) / 4) + 0.05 * rng.standard_normal(x.shape)
    rgb_from_hed = np.linalg.inv(hed_from_rgb)
    concentrations = np.stack([haematoxylin * (0.05 + 0.5 * nuclei), eosin * 0.3 * fibres.clip(0), 0 * fibres], -1)
    return np.round(255 * np.exp(-(concentrations @ rgb_from_hed).clip(0))).astype(np.uint8)


def describe(encoder, *tiles):
    return encoder(encoder.transform(torch.from_numpy(np.stack(tiles)))).numpy()


def test_names_and_numbers_match(encoder):
    names = feature_names()
    assert len(names) == len(set(names)) == encoder.dim == 106
    features = describe(encoder, tissue(1))
    assert features.shape == (1, 106)
    assert features.dtype == np.float32


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_bytes_whatever_the_batch(encoder, threads):
    tiles = [tissue(seed) for seed in range(6)] * 6
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        alone = np.concatenate([describe(encoder, tile) for tile in tiles[:6]])
        for size in (5, 8, 36):
            together = np.concatenate([describe(encoder, *tiles[at : at + size]) for at in range(0, 36, size)])
            assert together.tobytes() == np.tile(alone, (6, 1)).tobytes()
    finally:
        torch.set_num_threads(before)
    assert len({row.tobytes() for row in alone}) == 6


def test_no_tiles_give_no_vectors(encoder):
    assert encoder(encoder.transform(torch.zeros(0, 224, 224, 3, dtype=torch.uint8))).shape == (0, 106)


def test_identity_is_stable_and_says_that_nothing_was_learned(encoder):
    other = get_encoder("stain-texture", None, "cpu")
    assert other.weights_sha256 == encoder.weights_sha256
    assert len(encoder.weights_sha256) == len(encoder.card_sha256) == 64


def test_a_change_of_the_algorithm_is_noticed(encoder):
    """If this fails on purpose, raise VERSION in code and card: kept features no longer match new ones."""
    coarse = np.random.default_rng(3).integers(0, 256, (14, 14, 3), dtype=np.uint8)  # all colours, so all branches
    tile = coarse.repeat(16, 0).repeat(16, 1) // 2 + tissue(3) // 2
    features = describe(encoder, tile)[0].astype(np.float64)
    sums = [float(features[at::5].sum()) for at in range(5)]
    np.testing.assert_allclose(sums, [0.6465, -1.5970, 0.5054, -3.7569, -5.7594], atol=2e-3)


def test_each_number_is_of_order_one(encoder):
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    stripes = np.zeros((224, 224, 3), np.uint8)
    stripes[:, ::4] = 255
    odd = [np.full((224, 224, 3), value, np.uint8) for value in (0, 128, 255)]
    features = describe(encoder, *[tissue(seed) for seed in range(4)], noise, stripes, *odd)
    assert np.isfinite(features).all()
    assert np.abs(features[:4]).max() < 4
    assert np.abs(features).max() < 20


def test_strength_of_the_stain_hardly_moves_form(encoder):
    """A 30 % stronger stain moves the numbers of form a tenth of what another tile of the same kind does, or less."""
    absolute = np.array([name.split(".")[0] in {"level", "glass"} for name in feature_names()])
    plain, strong, other = (
        describe(encoder, *[tissue(seed, *strength) for seed in seeds])
        for seeds, strength in ((range(5), (1, 1)), (range(5), (1.3, 1.3)), (range(5, 10), (1, 1)))
    )
    moved, apart = (np.abs(each - plain).mean(0) for each in (strong, other))
    assert moved[~absolute].mean() < 0.1 * apart[~absolute].mean()
    assert (describe(encoder, tissue(0, 1.3, 1.3)) > describe(encoder, tissue(0)))[0, :3].all()


def test_mirroring_hardly_matters(encoder):
    tile = tissue(2)
    plain, *mirrored = describe(encoder, tile, tile[::-1], tile[:, ::-1], tile.transpose(1, 0, 2))
    other = describe(encoder, tissue(7))[0]
    for features in mirrored:
        assert np.abs(features - plain).mean() < 0.2 * np.abs(other - plain).mean()


def test_it_sees_what_a_pathologist_would(encoder):
    at = {name: index for index, name in enumerate(feature_names())}
    y, x = np.mgrid[:224, :224]
    parallel = np.repeat(np.uint8(160 + 60 * np.sin(x / 5))[..., None], 3, -1)
    rings = np.repeat(np.uint8(160 + 60 * np.sin(np.hypot(x % 56 - 28, y % 56 - 28) / 2))[..., None], 3, -1)
    fibrous, round_, glass = describe(encoder, parallel, rings, np.full((224, 224, 3), 245, np.uint8))
    assert fibrous[at["coherence.4.window64.od"]] > round_[at["coherence.4.window64.od"]] + 1
    assert glass[at["glass.fine"]] > 0.9 > fibrous[at["glass.fine"]]
    none, many = describe(encoder, tissue(1, haematoxylin=0), tissue(1))
    assert many[at["nuclei.area"]] > none[at["nuclei.area"]] + 0.3
    assert many[at["nuclei.depth"]] > none[at["nuclei.depth"]] + 1


def test_another_tile_size_is_resized(encoder):
    small = tissue(4, side_px=224)
    large = small.repeat(2, 0).repeat(2, 1)
    assert np.abs(describe(encoder, large) - describe(encoder, small)).max() < 0.35
    assert encoder.transform(torch.from_numpy(large)[None]).shape == (1, 3, 112, 112)
