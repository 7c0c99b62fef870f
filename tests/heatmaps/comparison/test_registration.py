"""Two scanners' pictures of one tissue: moved, in other colours and at another resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import tifffile

from heatmaps.comparison.places import common_places
from heatmaps.comparison.registration import shift_of_pictures
from pipelines.features import Features, describe
from pipelines.grid import make_grid
from pipelines.slides import open_slide

if TYPE_CHECKING:
    from pathlib import Path

MOVED_UM = np.array([173.0, -96.0])
TILE_PX = 128


def tissue(width: int, height: int, um_per_px: float, moved_um: np.ndarray) -> np.ndarray:
    """Darkness 0 to 1 of a piece of tissue with glands, (H, W), seen by a scanner that moves it."""
    rng = np.random.default_rng(8)
    x, y = np.arange(width) * um_per_px - moved_um[0], np.arange(height) * um_per_px - moved_um[1]
    inside = ((x[None] - 3000) / 2000) ** 2 + ((y[:, None] - 2200) / 1500) ** 2 < 1
    dark = np.full((height, width), 0.35, np.float32)
    for _ in range(120):
        a, b, strength, radius = rng.uniform((1000, 700, 0.1, 40), (5000, 3700, 0.5, 160)).tolist()
        columns, lines = (np.flatnonzero(np.abs(places - at) < 4 * radius) for places, at in ((x, a), (y, b)))
        bump = [np.exp(-(((places - at) / radius) ** 2)) for places, at in ((x[columns], a), (y[lines], b))]
        dark[np.ix_(lines, columns)] += strength * bump[0][None] * bump[1][:, None]
    return np.where(inside, dark.clip(0, 1), 0)


def scan(path: Path, mpp: float, moved_um: np.ndarray, colour: tuple[int, int, int]) -> Features:
    """A slide of 6 x 4.5 mm as a file, and its tiles; each tile's number is how dark it is."""
    size = (int(6000 / mpp), int(4500 / mpp))
    dark = tissue(*size, mpp, moved_um)
    picture = 245 - dark[..., None] * (245 - np.array(colour))
    noise = np.random.default_rng(1).normal(0, 4, dark.shape)[..., None]
    written = (picture + noise).clip(0, 255).astype(np.uint8)
    resolution = {"resolution": (1e4 / mpp, 1e4 / mpp), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, written, tile=(256, 256), photometric="rgb", compression="deflate", **resolution)
    grid = make_grid(size, mpp, 2.0, TILE_PX)
    side = grid.tile_px_level0
    found = [dark[int(y) : int(y + side), int(x) : int(x + side)].mean() for x, y in grid.coords.tolist()]
    values = np.array(found)
    kept = values > 0.1
    attrs = describe(
        slide_size=size, mpp=mpp, requested_mpp=2.0, tile_px=TILE_PX, encoder="dark", encoder_card_sha256=""
    )
    return Features(path.stem, values[kept, None].astype(np.float32), grid.coords[kept], attrs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scans")


@pytest.fixture(scope="module")
def scans(folder: Path) -> tuple[Features, Features]:
    one = scan(folder / "one.tif", 2.0, np.zeros(2), (150, 60, 130))
    return one, scan(folder / "two.tif", 1.7, MOVED_UM, (110, 70, 170))


def test_pictures_tell_the_shift_to_a_pixel_and_the_numbers_agree_better(scans, folder: Path) -> None:
    one, other = scans
    by_tiles = common_places(one, other)
    with open_slide(folder / "one.tif") as first, open_slide(folder / "two.tif") as second:
        by_pictures = common_places(one, other, (first, second))
    assert (by_tiles.shift.by_pictures, by_pictures.shift.by_pictures) == (False, True)
    assert np.abs(by_tiles.shift.um + MOVED_UM).max() <= by_tiles.shift.precision_um
    assert np.abs(by_pictures.shift.um + MOVED_UM).max() <= by_pictures.shift.precision_um <= 8

    def likeness(places) -> float:
        values = places.of_first(one.features[:, 0]), places.of_second(other.features[:, 0])
        return float(np.corrcoef(*values)[0, 1])

    assert likeness(by_pictures) > likeness(by_tiles) + 0.2


def test_pictures_of_other_tissue_tell_nothing(scans, folder: Path) -> None:
    del scans  # which draws the slides
    picture = tifffile.imread(folder / "two.tif")
    resolution = {"resolution": (1e4 / 1.7, 1e4 / 1.7), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(
        folder / "three.tif",
        np.ascontiguousarray(picture[::-1, ::-1]),
        tile=(256, 256),
        photometric="rgb",
        **resolution,
    )
    white = cv2.resize(np.full((8, 8, 3), 250, np.uint8), (picture.shape[1], picture.shape[0]))
    tifffile.imwrite(folder / "white.tif", white, tile=(256, 256), photometric="rgb", **resolution)
    with open_slide(folder / "one.tif") as first:
        for name in ("three", "white"):
            with open_slide(folder / f"{name}.tif") as second:
                assert shift_of_pictures(first, second, np.zeros(2), 500.0) is None
