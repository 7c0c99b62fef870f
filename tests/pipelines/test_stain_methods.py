"""Macenko and Reinhard against the steps of their papers, written again here, and against what must hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.stain import macenko, reinhard, sample

HERE = Path("drawn")
STAINS = {
    "warm": ((0.49, 0.77, 0.41), (0.10, 0.85, 0.52)),
    "blue": ((0.66, 0.66, 0.36), (0.12, 0.85, 0.52)),
    "pale": ((0.61, 0.71, 0.35), (0.25, 0.95, 0.19)),
}


def unit(vector: tuple[float, ...]) -> np.ndarray:
    return np.array(vector) / np.linalg.norm(vector)


def draw(stain: str = "warm", amount: float = 1.0, seed: int = 0, size: int = 160, noise: float = 1.0) -> np.ndarray:
    """Return tissue by the law of Beer and Lambert: glass, a pink ground, nuclei that are nearly all haematoxylin."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    nuclei = np.kron(rng.random((size // 8, size // 8)) < 0.3, np.ones((8, 8))).astype(bool)
    eosin = np.where(nuclei, 0.02, rng.uniform(0.15, 0.45, (size, size)))
    haematoxylin = np.where(nuclei, rng.uniform(0.35, 0.8, (size, size)), rng.uniform(0, 0.03, (size, size)))
    glass = (x + y) < size // 2
    vectors = np.array([unit(v) for v in STAINS[stain]])
    density = amount * np.stack([haematoxylin, eosin], -1) @ vectors
    density[glass] = 0.01
    picture = 255 * 10**-density + rng.normal(0, noise, density.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def judged(picture: np.ndarray) -> np.ndarray:
    return sample.enough(picture.reshape(-1, 3), HERE)


def to_macenko_reference(picture: np.ndarray) -> np.ndarray:
    return macenko.between(macenko.estimate(judged(picture), HERE), macenko.REFERENCE)(picture)


def to_reinhard_reference(picture: np.ndarray) -> np.ndarray:
    return reinhard.between(reinhard.estimate(judged(picture), HERE), reinhard.REFERENCE)(picture)


BOTH = pytest.mark.parametrize("normalise", [to_macenko_reference, to_reinhard_reference])


def angle(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return float(np.degrees(np.arccos(np.clip(unit(one) @ unit(other), -1, 1))))


def macenko_by_the_paper(pixels: np.ndarray, picture: np.ndarray, target: macenko.Stain):
    """Steps 1 to 7 of Macenko et al. 2009, with an SVD of all pixels and a least-squares solution."""
    density = -np.log10(np.maximum(pixels, 1) / 255)
    _, _, directions = np.linalg.svd(density, full_matrices=False)
    first, second = directions[:2]
    first = first if first.sum() > 0 else -first
    projected = np.stack([density @ first, density @ second], 1)
    projected /= np.linalg.norm(projected, axis=1, keepdims=True)
    phi = np.arctan2(projected[:, 1], projected[:, 0])
    extremes = [np.cos(p) * first + np.sin(p) * second for p in np.percentile(phi, [1, 99])]
    haematoxylin, eosin = extremes if extremes[0][0] > extremes[1][0] else extremes[::-1]
    stains = np.stack([haematoxylin, eosin], 1)
    highest = np.percentile(np.linalg.lstsq(stains, density.T, rcond=None)[0], 99, axis=1)
    shape = picture.shape
    amounts = np.linalg.lstsq(stains, -np.log10(np.maximum(picture.reshape(-1, 3), 1) / 255).T, rcond=None)[0]
    amounts *= (np.array(target.highest) / highest)[:, None]
    light = 255 * 10 ** -(np.stack([target.haematoxylin, target.eosin], 1) @ amounts)
    return haematoxylin, eosin, highest, np.clip(light, 0, 255).T.reshape(shape)


@pytest.mark.parametrize("stain", STAINS)
def test_macenko_is_that_of_the_paper(stain):
    picture = draw(stain)
    found = macenko.estimate(judged(picture), HERE)
    haematoxylin, eosin, highest, wanted = macenko_by_the_paper(judged(picture), picture, macenko.REFERENCE)
    assert np.allclose(found.haematoxylin, haematoxylin, atol=1e-5)
    assert np.allclose(found.eosin, eosin, atol=1e-5)
    assert np.allclose(found.highest, highest, atol=1e-5)
    assert np.abs(macenko.between(found, macenko.REFERENCE)(picture) - wanted).max() <= 0.51


@pytest.mark.parametrize("stain", STAINS)
@pytest.mark.parametrize("seed", range(3))
def test_macenko_finds_the_stains_that_a_picture_was_drawn_with_haematoxylin_first(stain, seed):
    found = macenko.estimate(judged(draw(stain, seed=seed)), HERE)
    assert angle(found.haematoxylin, STAINS[stain][0]) < 2.5
    assert angle(found.eosin, STAINS[stain][1]) < 2.5


@pytest.mark.parametrize("stain", STAINS)
def test_macenko_gives_the_stain_of_the_reference(stain):
    after = macenko.estimate(judged(to_macenko_reference(draw(stain))), HERE)
    assert angle(after.haematoxylin, macenko.REFERENCE.haematoxylin) < 1
    assert angle(after.eosin, macenko.REFERENCE.eosin) < 1
    assert np.allclose(after.highest, macenko.REFERENCE.highest, rtol=0.05)


@BOTH
def test_a_normalised_picture_stays_as_it_is(normalise):
    once = normalise(draw())
    twice = normalise(once)
    difference = np.abs(once.astype(int) - twice)
    assert difference.mean() < 1.5
    assert np.percentile(difference, 99) <= 5


def test_a_picture_brought_to_its_own_look_stays_as_it_is():
    picture = draw(noise=0.0)
    stain, look = macenko.estimate(judged(picture), HERE), reinhard.estimate(judged(picture), HERE)
    assert np.abs(macenko.between(stain, stain)(picture).astype(int) - picture).max() <= 3
    assert np.abs(reinhard.between(look, look)(picture).astype(int) - picture).max() == 0


@BOTH
def test_how_strongly_a_slide_is_stained_drops_out(normalise):
    outcomes = [normalise(draw(amount=amount, noise=0.3)).astype(int) for amount in (0.7, 1.0, 1.4)]
    tissue = (draw().min(axis=2) < 215)[..., None]
    before = np.abs(draw(amount=0.7, noise=0.3).astype(int) - draw(amount=1.4, noise=0.3)) * tissue
    for one, other in ((0, 1), (1, 2), (0, 2)):
        after = np.abs(outcomes[one] - outcomes[other]) * tissue
        # Reinhard's map is linear in the logarithm of cone light, not in density, so it only comes near.
        assert after.mean() < (0.15 if normalise is to_macenko_reference else 0.25) * before.mean()


@BOTH
def test_two_laboratories_come_closer(normalise):
    warm, blue = draw("warm"), draw("blue", amount=1.3)
    after = np.abs(normalise(warm).astype(int) - normalise(blue)).mean()
    assert after < 0.35 * np.abs(warm.astype(int) - blue).mean()


@BOTH
def test_pen_ink_and_glass_do_not_move_the_estimate(normalise):
    clean = draw()
    colours = [(30, 130, 70), (40, 60, 160), (10, 10, 10), (255, 255, 255), (70, 70, 70), (120, 80, 40)]
    dirt = np.repeat(np.array(colours, np.uint8), 10, axis=0)[:, None].repeat(160, axis=1)
    assert (normalise(np.vstack([clean, dirt]))[:160] == normalise(clean)).all()


@BOTH
def test_glass_stays_glass(normalise):
    picture = draw()
    picture[:10], picture[10:20] = 255, 243
    after = normalise(picture)
    assert after[:10].min() >= 254
    assert after[10:20].min() >= 232


def test_macenko_refuses_a_single_stain():
    picture = draw()
    _, pink = (unit(v) for v in STAINS["warm"])
    amount = np.random.default_rng(0).uniform(0.2, 0.9, (160, 160, 1))
    picture = np.rint(255 * 10 ** -(amount * pink)).astype(np.uint8)
    with pytest.raises(InputError, match="all colours lie along one stain"):
        macenko.estimate(judged(picture), HERE)


def test_reinhard_refuses_one_flat_colour():
    flat = np.full((2000, 3), (200, 120, 170), np.uint8)
    with pytest.raises(InputError, match="one flat colour"):
        reinhard.estimate(flat, HERE)


def lab_by_the_paper(rgb: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(np.maximum(rgb, 1) / 255, -1, 0)
    long = np.log10(0.3811 * red + 0.5783 * green + 0.0402 * blue)
    medium = np.log10(0.1967 * red + 0.7244 * green + 0.0782 * blue)
    short = np.log10(0.0241 * red + 0.1288 * green + 0.8444 * blue)
    bright = (long + medium + short) / np.sqrt(3)
    return np.stack([bright, (long + medium - 2 * short) / np.sqrt(6), (long - medium) / np.sqrt(2)], -1)


def test_reinhard_is_that_of_the_paper():
    picture = draw("blue")
    pixels = judged(picture)
    source = reinhard.estimate(pixels, HERE)
    lab = lab_by_the_paper(pixels)
    assert np.allclose(source.mean, lab.mean(axis=0), atol=1e-6)
    assert np.allclose(source.spread, lab.std(axis=0), atol=1e-6)

    target = reinhard.REFERENCE
    mapped = (lab_by_the_paper(picture) - source.mean) * np.array(target.spread) / source.spread + target.mean
    bright, yellow, red = np.moveaxis(mapped, -1, 0)
    bright, yellow, red = bright / np.sqrt(3), yellow / np.sqrt(6), red / np.sqrt(2)
    lms = 10 ** np.stack([bright + yellow + red, bright + yellow - red, bright - 2 * yellow], -1)
    to_lms = [[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]]
    wanted = np.clip(255 * np.linalg.solve(to_lms, lms.reshape(-1, 3).T).T.reshape(picture.shape), 0, 255)
    dense = -np.log10(np.maximum(picture, 1) / 255).mean(axis=2) > reinhard.TISSUE
    assert dense.mean() > 0.5
    assert np.abs(reinhard.between(source, target)(picture) - wanted)[dense].max() <= 0.55


def test_reinhard_gives_mean_and_spread_of_the_reference():
    before = draw("blue")
    dense = -np.log10(np.maximum(before, 1) / 255).mean(axis=2) > reinhard.TISSUE
    source = reinhard.estimate(before[dense], HERE)
    after = reinhard.estimate(reinhard.between(source, reinhard.REFERENCE)(before)[dense], HERE)
    assert np.allclose(after.mean, reinhard.REFERENCE.mean, atol=0.01)
    assert np.allclose(after.spread, reinhard.REFERENCE.spread, rtol=0.1)


@pytest.mark.parametrize("method", [macenko, reinhard])
def test_any_pixels_end_in_a_map_of_finite_numbers_or_in_a_refusal(method):
    mapped = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        palette = rng.integers(0, 256, (rng.integers(1, 6), 3))
        if seed % 2:
            palette = np.array([120, 70, 140]) + rng.integers(-50, 90, palette.shape)
        noise = rng.normal(0, rng.uniform(0, 12), (3000, 3))
        pixels = np.clip(palette[rng.integers(0, len(palette), 3000)] + noise, 0, 255).astype(np.uint8)
        try:
            normalise = method.between(method.estimate(sample.enough(pixels, HERE), HERE), method.REFERENCE)
        except InputError:
            continue
        mapped += 1
        assert np.isfinite(normalise.affine).all()
        assert np.abs(normalise.affine).max() < 50
        assert normalise(pixels[:64].reshape(8, 8, 3)).shape == (8, 8, 3)
    assert 30 < mapped < 150
