"""Seconds per slide for tissue and grid over a cohort, beside OpenSlide's own thumbnail of the same slides.

    python -m benchmarks.tile_cohort [--quick] [--slides 100] [--workers 2]

The cohort: drawn resections as a 40x scanner writes them (0.25 µm/px, JPEG 4:2:0 in tiles of 256 px, levels 1, 4, 16),
30 x 22 mm to 10 x 8 mm of glass with one to three pieces of tissue, pen strokes, dust and a black border. A few
distinct files go under 100 names. "wsi-swarm tile" is the whole command's work: overview, class map, focus probes,
outline, grid, HDF5, GeoJSON, preview and state, each synced to disk. "thumbnail 1024 px" is ``get_thumbnail`` to a long
side of 1024 px, "thumbnail 8 µm/px" the same to the scale at which we look for tissue.

All ways go over the slides in turns of ten, one after the other, so that other work on the machine hits all alike.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import openslide

from benchmarks import mosaic
from pipelines.features import read_tiles
from pipelines.tile import TileOptions, tile_slides
from pipelines.tissue.find import OVERVIEW_MPP

MPP, STEPS = 0.25, (1, 4, 16)
SIZES = ((120_000, 88_000), (80_000, 64_000), (100_000, 80_000), (40_000, 32_000), (60_000, 88_000))
TURN = 10
INKS = ((0.9, 0.38, 0.4), (0.05, 0.9, 0.6), (0.9, 0.55, 0.15), (1.1, 1.1, 1.0))
"""Optical densities of green, red, blue and black ink."""


def draw_slide(path: Path, size: tuple[int, int], seed: int) -> Path:
    """Draw one resection: the coarsest level in full, the finer ones as repeated tiles of tissue and glass."""
    rng = np.random.default_rng(seed)
    coding = mosaic.Coding()
    block = mosaic.tissue(coding.tile * STEPS[-1] // 2, seed)
    width, height = (side // STEPS[-1] for side in size)
    shape = _shape(rng, width, height)
    levels = []
    for step in STEPS[:-1]:
        field = cv2.resize(block, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
        tiles = mosaic._encoded(field, coding)
        across = field.shape[0] // coding.tile
        rows, columns = np.mgrid[: -(-size[1] // step // coding.tile), : -(-size[0] // step // coding.tile)]
        index = rows % across * across + columns % across
        centre = (np.stack([rows, columns]) + 0.5) * coding.tile * step / STEPS[-1]
        inside = shape[tuple(np.minimum(centre.astype(int), np.array(shape.shape)[:, None, None] - 1))]
        index[~inside] = len(tiles)
        tiles.append(mosaic._encoded(np.full((coding.tile, coding.tile, 3), mosaic.GLASS, np.uint8), coding)[0])
        levels.append(((size[0] // step, size[1] // step), tiles, index))
    coarse = _coarse(rng, cv2.resize(block, None, fx=1 / 16, fy=1 / 16, interpolation=cv2.INTER_AREA), shape)
    rows, columns = -(-height // coding.tile), -(-width // coding.tile)
    whole = np.full((rows * coding.tile, columns * coding.tile, 3), mosaic.GLASS, np.uint8)
    whole[:height, :width] = coarse
    levels.append(((width, height), mosaic._encoded(whole, coding), np.arange(rows * columns).reshape(rows, columns)))
    return mosaic._write(path, levels, MPP, coding)


def _shape(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    wave = cv2.resize(rng.normal(0, 1, (12, 12)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    pieces = rng.integers(1, 4)
    shape = np.zeros((height, width), bool)
    for number in range(pieces):
        middle = ((number + 0.5) / pieces * width, height * rng.uniform(0.42, 0.58))
        radius = (0.42 * width / pieces, 0.36 * height)
        shape |= ((x - middle[0]) / radius[0]) ** 2 + ((y - middle[1]) / radius[1]) ** 2 + 0.25 * wave < 1
    return shape & (wave < 1.6)


def _coarse(rng: np.random.Generator, field: np.ndarray, shape: np.ndarray) -> np.ndarray:
    height, width = shape.shape
    repeats = (-(-height // field.shape[0]), -(-width // field.shape[1]), 1)
    picture = np.where(shape[..., None], np.tile(field, repeats)[:height, :width], mosaic.GLASS).astype(np.float32)
    for ink in INKS[: rng.integers(0, len(INKS) + 1)]:
        mark = np.zeros((height, width), np.float32)
        line = (rng.uniform(0.1, 0.9, (4, 2)) * (width, height)).astype(np.int32)
        cv2.polylines(mark, [line], False, 1.0, 130)
        picture *= 10 ** -(cv2.GaussianBlur(mark, (0, 0), 6)[..., None] * np.array(ink, np.float32))
    for _ in range(60):
        centre = (rng.uniform(0, 1, 2) * (width, height)).astype(int).tolist()
        cv2.circle(picture, centre, int(rng.integers(2, 14)), (90, 80, 85), -1)
    picture[:40] = 4
    picture += rng.normal(0, 1.5, (height, width, 1))
    return np.clip(picture, 0, 255).astype(np.uint8)


def thumbnail(path: Path, wanted: float | None) -> None:
    """Ask OpenSlide for a thumbnail at ``wanted`` µm/px, or with a long side of 1024 px."""
    with openslide.OpenSlide(path) as slide:
        scale = max(slide.dimensions) / 1024 if wanted is None else wanted / MPP
        slide.get_thumbnail(tuple(round(side / scale) for side in slide.dimensions))


def main() -> None:
    """Draw the cohort, measure, print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="ten slides, a quarter of the area")
    parser.add_argument("--slides", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    count = TURN if arguments.quick else arguments.slides
    sizes = [(w // 2, h // 2) for w, h in SIZES] if arguments.quick else SIZES
    ways = (
        "thumbnail 1024 px",
        f"thumbnail {OVERVIEW_MPP:g} µm/px",
        "tile, 1 worker",
        f"tile, {arguments.workers} workers",
    )
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        drawn = [draw_slide(Path(folder) / f"drawn{i}.tiff", size, i) for i, size in enumerate(sizes)]
        tiles = []
        for begin in range(0, count, TURN):
            turn = Path(folder) / f"turn{begin}"
            turn.mkdir()
            paths = [turn / f"slide{number:03}.tiff" for number in range(begin, min(begin + TURN, count))]
            for number, path in enumerate(paths, begin):
                os.link(drawn[number % len(drawn)], path)
            for way in ways:
                start = time.perf_counter()
                if way.startswith("thumbnail"):
                    for path in paths:
                        thumbnail(path, None if way == ways[0] else OVERVIEW_MPP)
                else:
                    workers = 1 if way == ways[2] else arguments.workers
                    job = Path(folder) / f"job{begin}-{workers}"
                    tile_slides(turn, job, TileOptions(), workers=workers).check()
                    tiles += [len(read_tiles(file).coords) for file in sorted((job / "tiles").glob("*.h5"))]
                seconds[way].append((time.perf_counter() - start) / len(paths))
    base = statistics.median(seconds[ways[1]])
    print(
        f"{count} slides, {min(tiles):,} to {max(tiles):,} tiles each; seconds per slide, medians over turns of {TURN}"
    )
    for way in ways:
        median = statistics.median(seconds[way])
        print(f"{way:<24}{median:>9.3f} s{median / base:>8.2f} x {ways[1]}")


if __name__ == "__main__":
    main()
