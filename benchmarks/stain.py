"""Stain normalisation and variation of tiles: tiles per second on one thread, beside plain numpy and scikit-image.

    python -m benchmarks.stain ../shared/data/patches/crc5/training [--slide SLIDE.svs] [--quick]

Each pair does the same arithmetic on the same 224 px tiles, in turns in one process; the median of the rounds counts.
With ``--slide`` the estimate of one slide's stain is timed too, reading of its sample included.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from skimage.color import combine_stains, hed_from_rgb, rgb_from_hed, separate_stains

from pipelines.features import Tiles, describe_tiles
from pipelines.slides import open_slide
from pipelines.stain import macenko, preparation, reinhard, sample
from pipelines.stain.augment import Augmentation
from pipelines.stain.variations import HedJitter

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[[np.ndarray], np.ndarray]

FACTORS, SHIFTS = np.array([1.1, 0.9, 1.05]), np.array([0.01, -0.01, 0.0])


def numpy_macenko(source: macenko.Stain, target: macenko.Stain) -> Work:
    """Apply Macenko as its formulas stand: logarithm, least squares, scaling, exponential."""
    amounts_of = np.linalg.pinv(np.array([source.haematoxylin, source.eosin]))
    scale = np.array(target.highest) / np.array(source.highest)
    stains = np.array([target.haematoxylin, target.eosin])

    def apply(tile: np.ndarray) -> np.ndarray:
        density = -np.log10(np.maximum(tile.reshape(-1, 3), 1) / 255)
        light = 255 * 10 ** -((density @ amounts_of * scale) @ stains)
        return np.clip(np.rint(light), 0, 255).astype(np.uint8).reshape(tile.shape)

    return apply


def numpy_reinhard(source: reinhard.Look, target: reinhard.Look) -> Work:
    """Apply Reinhard as its formulas stand."""
    to_lms, to_lab = reinhard.RGB_TO_LMS, reinhard.LOG_LMS_TO_LAB
    scale = np.array(target.spread) / np.array(source.spread)

    def apply(tile: np.ndarray) -> np.ndarray:
        lab = np.log10(np.maximum(tile.reshape(-1, 3), 1) / 255 @ to_lms.T) @ to_lab.T
        lab = (lab - source.mean) * scale + target.mean
        light = 255 * (10 ** (lab @ np.linalg.inv(to_lab).T) @ np.linalg.inv(to_lms).T)
        return np.clip(np.rint(light), 0, 255).astype(np.uint8).reshape(tile.shape)

    return apply


def skimage_jitter(tile: np.ndarray) -> np.ndarray:
    """Jitter through scikit-image's own conversions."""
    stains = separate_stains(tile, hed_from_rgb) * FACTORS
    return (combine_stains(stains, rgb_from_hed) * 255).round().astype(np.uint8)


def rates(works: dict[str, Work], tiles: list[np.ndarray], rounds: int) -> dict[str, float]:
    """Return tiles per second of each, in turns, median over the rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            begin = time.perf_counter()
            for tile in tiles:
                work(tile)
            if turn:  # the first round warms up
                seconds[name].append(time.perf_counter() - begin)
    return {name: len(tiles) / statistics.median(times) for name, times in seconds.items()}


def time_estimate(path: Path) -> None:
    """Print how long the stain of a slide takes to estimate."""
    with open_slide(path) as slide:
        side = 224 * 0.5 / slide.mpp
        xs, ys = (np.arange(0, length - side, side) for length in slide.size)
        coords = np.array([(x, y) for y in ys for x in xs], np.int32)
        tiles = Tiles(slide.id, coords, describe_tiles(slide.size, slide.mpp, 0.5, 224, 0))
        for method in ("macenko", "reinhard"):
            begin = time.perf_counter()
            preparation(method).for_slide(slide, tiles)
            print(f"estimate {method}: {time.perf_counter() - begin:.2f} s for {path.name} ({len(coords)} tiles)")


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of H&E tiles")
    parser.add_argument("--slide", type=Path)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    paths = sorted(arguments.folder.rglob("*.jpg"))
    paths = paths[:: max(1, len(paths) // (20 if arguments.quick else 100))]
    tiles = [cv2.resize(cv2.imread(str(path)), (224, 224))[..., ::-1].copy() for path in paths]
    pixels = sample.enough(np.concatenate([tile[::3, ::3].reshape(-1, 3) for tile in tiles]), arguments.folder)
    stain, look = (method.estimate(pixels, arguments.folder) for method in (macenko, reinhard))
    varied, jitter = Augmentation(1, 0), HedJitter()
    pairs: dict[str, tuple[Work, Work | None]] = {
        "Macenko": (
            macenko.between(stain, macenko.REFERENCE),
            numpy_macenko(stain, macenko.REFERENCE),
        ),
        "Reinhard": (
            reinhard.between(look, reinhard.REFERENCE),
            numpy_reinhard(look, reinhard.REFERENCE),
        ),
        "HED jitter": (lambda tile: jitter(image=tile)["image"], skimage_jitter),
        "whole variation": (lambda tile: varied(tile, "slide", 0, int(tile[0, 0, 0]), 1), None),
    }
    works = {name: ours for name, (ours, _) in pairs.items()}
    works |= {f"{name} plain": plain for name, (_, plain) in pairs.items() if plain}
    measured = rates(works, tiles, 3 if arguments.quick else 11)
    print(f"{len(tiles)} tiles of 224 px, one thread\n")
    print(f"{'':<16}{'tiles/s':>10}{'plain numpy / scikit-image':>30}{'ratio':>8}")
    for name in pairs:
        plain = measured.get(f"{name} plain")
        beside = f"{plain:>30.0f}{measured[name] / plain:>8.1f}" if plain else ""
        print(f"{name:<16}{measured[name]:>10.0f}{beside}")
    if arguments.slide:
        time_estimate(arguments.slide)


if __name__ == "__main__":
    main()
