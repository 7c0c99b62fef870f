"""Varied tiles: what decides on them, and that nothing else does."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import numpy as np
import pytest
from skimage.color import hed_from_rgb, rgb_from_hed

from pipelines.stain import augment
from pipelines.stain.augment import Augmentation
from pipelines.stain.variations import HedJitter, hed_affine, make_pipeline

SET = Augmentation(2, 11)


@pytest.fixture(scope="module")
def tile() -> np.ndarray:
    rng = np.random.default_rng(3)
    picture = np.full((64, 64, 3), (224, 150, 190), np.int16)
    picture[(rng.random((16, 16)) < 0.3).repeat(4, 0).repeat(4, 1)] = (110, 70, 150)
    picture[:12, :30] = 243
    picture[:, :4] //= 2
    return (picture + rng.integers(-4, 5, picture.shape)).clip(0, 255).astype(np.uint8)


def test_a_variation_follows_from_seed_slide_place_and_set(tile):
    first = SET(tile, "a", 10, 20, 1)
    assert (first == SET(tile, "a", 10, 20, 1)).all()
    assert (first == Augmentation(9, 11)(tile, "a", 10, 20, 1)).all()
    others = [
        SET(tile, "a", 10, 20, 2),
        SET(tile, "b", 10, 20, 1),
        SET(tile, "a", 20, 10, 1),
        SET(tile, "a", 10, 21, 1),
        Augmentation(2, 12)(tile, "a", 10, 20, 1),
    ]
    assert len({sha256(picture.tobytes()).digest() for picture in [first, *others]}) == 6


def test_order_and_threads_change_nothing(tile):
    places = [(x, y) for x in range(20) for y in range(10)]
    alone = [SET(tile, "a", x, y, 1) for x, y in places]
    with ThreadPoolExecutor(8) as pool:
        mixed = list(pool.map(lambda place: SET(tile, "a", *place, 1), reversed(places)))
    assert all((one == other).all() for one, other in zip(alone, reversed(mixed), strict=True))
    assert all(picture.shape == tile.shape and picture.dtype == np.uint8 for picture in alone)


NEW_PROCESS = """
import hashlib, random, socket, sys, urllib.request
import numpy as np

def called(*args, **kwargs):
    print("called home")
    raise OSError

urllib.request.OpenerDirector.open = socket.create_connection = called
random.seed(99)
np.random.seed(99)
from pipelines.stain import preparation
from pipelines.stain.augment import Augmentation
preparation("macenko")
assert "albumentations" not in sys.modules, "loaded before it is needed"
tile = np.load(sys.argv[1])
made = [Augmentation(2, 11)(tile, "a", x, 7, 2) for x in range(30)]
print(hashlib.sha256(b"".join(m.tobytes() for m in made)).hexdigest())
"""


def test_a_new_process_makes_the_same_bytes_and_calls_nobody(tile, tmp_path):
    np.save(tmp_path / "tile.npy", tile)
    run = [sys.executable, "-c", NEW_PROCESS, str(tmp_path / "tile.npy")]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    here = sha256(b"".join(SET(tile, "a", x, 7, 2).tobytes() for x in range(30))).hexdigest()
    assert (done.stdout, done.stderr) == (here + "\n", "")


def test_global_random_states_are_neither_read_nor_moved(tile):
    before = np.random.get_state()[1].copy()
    SET(tile, "a", 1, 2, 1)
    assert (np.random.get_state()[1] == before).all()


def applied(tile: np.ndarray, tiles: int) -> list[dict[str, dict]]:
    """Return the parameters of each transform for many tiles; empty where it was not applied."""
    found = []
    for x in range(tiles):
        SET(tile, "a", x, 0, 1)
        steps = augment._pipeline_of_thread().transforms
        found.append({type(step).__name__: dict(step.get_applied_params()) for step in steps})
    return found


def test_every_choice_is_drawn_for_itself(tile):
    found = applied(tile, 400)
    blurred = np.array([bool(one["GaussianBlur"]) for one in found])
    compressed = np.array([bool(one["ImageCompression"]) for one in found])
    assert blurred.mean() == pytest.approx(0.3, abs=0.08)
    assert compressed.mean() == pytest.approx(0.5, abs=0.08)
    assert (blurred & compressed).mean() == pytest.approx(0.15, abs=0.06)
    affines = np.array([one["HedJitter"]["affine"] for one in found])
    assert abs(np.corrcoef(affines[:, 0, 0], compressed)[0, 1]) < 0.2
    assert len({one["D4"]["group_element"] for one in found}) == 8


def test_all_eight_orientations_come_equally_often_and_sets_are_independent(tile):
    def orientation(x: int, number: int) -> str:
        SET(tile, "a", x, 0, number)
        return augment._pipeline_of_thread().transforms[0].get_applied_params()["group_element"]

    pairs = [(orientation(x, 1), orientation(x, 2)) for x in range(400)]
    counts = np.unique([first for first, _ in pairs], return_counts=True)[1]
    assert len(counts) == 8
    assert counts.min() > 25
    assert np.mean([first == second for first, second in pairs]) == pytest.approx(1 / 8, abs=0.07)


def test_a_new_seed_can_be_set_in_the_pipeline_and_no_state_stays(tile):
    pipeline = make_pipeline()
    for _ in range(5):
        pipeline(image=tile)
    augment._own.pipeline = pipeline
    used = SET(tile, "a", 1, 1, 1)
    del augment._own.pipeline
    assert (used == SET(tile, "a", 1, 1, 1)).all()


def test_stain_jitter_multiplies_and_shifts_the_amounts_of_each_stain(tile):
    factors, shifts = np.array([1.2, 0.85, 1.1]), np.array([0.02, -0.01, 0.03])
    jitter = HedJitter()
    density = -np.log(np.maximum(tile, 1) / 255.0)
    amounts = np.linalg.solve(rgb_from_hed.T, density.reshape(-1, 3).T).T
    assert np.allclose(amounts, density.reshape(-1, 3) @ hed_from_rgb)
    wanted = 255 * np.exp(-((amounts * factors + shifts) @ rgb_from_hed)).reshape(tile.shape)
    made = jitter.apply(tile, hed_affine(factors, shifts))
    assert np.abs(made - np.clip(wanted, 0, 255)).max() <= 0.51


def test_no_jitter_is_no_change_and_jitter_stays_mild(tile):
    still = HedJitter(scale=0.0, shift=0.0)(image=tile)["image"]
    assert np.abs(still.astype(int) - tile).max() <= 1
    glass = np.full((8, 8, 3), 245, np.uint8)
    jitter = HedJitter()
    jitter.set_random_seed(0)
    for _ in range(200):
        assert jitter(image=glass)["image"].min() > 225
    assert {"scale": 0.15, "shift": 0.02}.items() <= jitter.to_dict()["transform"].items()
