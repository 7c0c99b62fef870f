"""From the features of one large slide to every picture and export, on one core. The bar: 15,000 tiles under 10 s.

    taskset -c 0 python -m benchmarks.heatmap_export [--tiles 15000] [--targets 1] [--dim 1024] [--profile]

A drawn slide of 120,000 x 90,000 px at 0.25 µm per pixel with tissue of so many tiles; float16 features lie in a
feature file, the model is a gated attention network of drawn weights. The slide is not at hand: no time is spent on
reading pixels. ``whole`` is what ``wsi-swarm heatmap`` does after its imports: reading model and features, explaining,
score table, PNGs, GeoJSON, report, sidecar, everything synced to the disk.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import tempfile
import time
from pathlib import Path

import numpy as np

from heatmaps.making.slide_heatmap import make_heatmap
from models.aggregators.gated_attention import initial_state
from models.feature_kind import FeatureKind
from models.model_file import Model, ModelSpec, load_model, save_model
from models.targets import Target
from pipelines.features import Features, describe, write_features
from pipelines.grid import make_grid

SIZE, MPP, TILE_PX, TILE_MPP = (120_000, 90_000), 0.25, 224, 0.5
SIDE = TILE_PX * TILE_MPP / MPP
BAR_SECONDS = 10.0


def drawn_features(tiles: int, dim: int) -> Features:
    """Return the ``tiles`` tiles nearest to the slide's middle, with drawn vectors."""
    coords = make_grid(SIZE, MPP, TILE_MPP, TILE_PX).coords
    away = np.linalg.norm((coords + SIDE / 2) / SIZE - 0.5, axis=1)
    coords = coords[np.sort(np.argsort(away, kind="stable")[:tiles])]
    vectors = np.random.default_rng(1).standard_normal((len(coords), dim), np.float32).astype(np.float16)
    attrs = describe(
        slide_size=SIZE, mpp=MPP, requested_mpp=TILE_MPP, tile_px=TILE_PX, encoder="drawn", encoder_card_sha256=""
    )
    return Features("drawn", vectors, coords, attrs)


def drawn_model(targets: int, dim: int) -> Model:
    """Return a network of 256 hidden units and drawn weights."""
    named = tuple(Target(f"T{number}", "yes", ("no",)) for number in range(targets))
    kind = FeatureKind("drawn", "", "", dim, TILE_PX * TILE_MPP, TILE_MPP)
    return Model(initial_state(dim, 256, 128, targets, 0), ModelSpec(named, kind, 256, 128))


def run(folder: Path, number: int) -> tuple[float, float]:
    """Return the seconds of one whole heatmap into a new folder: by the clock, and of the processor."""
    start, worked = time.perf_counter(), time.process_time()
    made = make_heatmap(None, load_model(folder / "model.safetensors"), folder / "drawn.h5", folder / f"out{number}")
    seconds = time.perf_counter() - start, time.process_time() - worked
    if number == 0:
        total = sum(path.stat().st_size for path in made.files) / 1e6
        print(f"{len(made.files)} files, {total:.1f} MB: {', '.join(path.name for path in made.files[:12])}")
    return seconds


def main() -> None:
    """Print seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=15_000)
    parser.add_argument("--targets", type=int, default=1)
    parser.add_argument("--dim", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_features(folder / "drawn.h5", drawn_features(options.tiles, options.dim))
        save_model(folder / "model.safetensors", drawn_model(options.targets, options.dim))
        cores = len(os.sched_getaffinity(0))
        print(f"{options.tiles:,} tiles of {options.dim} numbers, {options.targets} target(s), {cores} core(s)")
        clock, processor = zip(*(run(folder, number) for number in range(options.repeats)), strict=True)
        print(
            f"whole: {min(clock):.2f} s (best of {len(clock)}, worst {max(clock):.2f} s), {min(processor):.2f} s of "
            f"the processor; bar {BAR_SECONDS:g} s"
        )
        if options.profile:
            with cProfile.Profile() as profile:
                run(folder, options.repeats)
            pstats.Stats(profile).sort_stats("cumulative").print_stats(40)


if __name__ == "__main__":
    main()
