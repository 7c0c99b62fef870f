"""Tiles per second and core, three ways to the same tiles in one run.

    python -m benchmarks.read_tiles [--quick] [--svs ../shared/data/wsi/CMU-1-Small-Region.svs]

(a) OpenSlide's ``read_region`` alone, at the best level.
(b) The way TRIDENT reads: (a), to RGB, PIL resize to a patch of 256 px, PIL resize to 224, float CHW, normalise.
(c) Ours: ``Slide.blocks`` and ``Slide.read_tiles``, area averaging to 224 px, uint8. Beside it the same through
    OpenSlide, which is how slides are read that are no JPEG in TIFF.

The slides: a pyramid drawn from real tissue as a 40x scanner writes it (0.25 µm/px, JPEG 4:2:0 at quality 80 in tiles
of 256 px, levels 1, 4, 16) and, if given, a real SVS. "On the grid": tiles begin at corners of the slide's own tiles,
the nearest whole number of these apart. "Off it": tiles side by side from an odd origin. A tile of 224 px covers 112
or 255 µm, the same for all.

What is not alike: (b) ends in normalised floats, (c) in bytes, because ours normalises on the device; and with a
patch of 224 px (b) could leave out its second resize. Its resampling is PIL's (bicubic, then bilinear), ours is the
area mean.

Every turn opens the slide anew and goes through all ways, one after the other; numbers are medians over turns.
Tiles per second and core are per second of CPU time of the process with one thread, so that other work on the machine
counts less; two threads are measured by the clock, which means something on a quiet machine only.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import openslide
import torch
from PIL import Image

from benchmarks.mosaic import tissue, write_repeated
from pipelines.slides import open_slide

if TYPE_CHECKING:
    from collections.abc import Callable

PX, PATCH_PX = 224, 256
BARS = {"on the grid": 4.0, "off it": 3.0}
THREADS_BAR = 1.8
MEAN = torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
STD = torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)
WAYS = ("OpenSlide alone", "TRIDENT's way", "ours", "ours, OpenSlide")


def bare_reads(path: Path, coords: np.ndarray, side: float, finish: bool) -> list[Callable[[], object]]:
    """Return one call per tile for the ways (a) and, with ``finish``, (b)."""
    handle = openslide.OpenSlide(path)
    level = handle.get_best_level_for_downsample(side / PX * 1.005)
    count = round(side / handle.level_downsamples[level])

    def read(corner: tuple[int, int]) -> object:
        region = handle.read_region(corner, level, (count, count))
        return trident_like(region) if finish else region

    return [lambda corner=tuple(corner): read(corner) for corner in coords.tolist()]


def trident_like(region: Image.Image) -> torch.Tensor:
    """Bring a region to an encoder as TRIDENT does: two resizes in PIL, then floats."""
    patch = region.convert("RGB").resize((PATCH_PX, PATCH_PX), Image.Resampling.BICUBIC)
    picture = np.array(patch.resize((PX, PX), Image.Resampling.BILINEAR))
    tensor = torch.from_numpy(picture).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
    return tensor.sub_(MEAN).div_(STD)


def our_reads(
    path: Path, coords: np.ndarray, side: float, reader: Literal["auto", "openslide"]
) -> list[Callable[[], object]]:
    """Return one call per block."""
    slide = open_slide(path, reader=reader)
    return [lambda part=part: slide.read_tiles(coords[part], side, PX) for part in slide.blocks(coords, side, PX)]


def seconds(calls: list[Callable[[], object]], threads: int) -> tuple[float, float]:
    """Return the CPU and the clock seconds that all calls take."""
    cpu, clock = time.process_time(), time.perf_counter()
    if threads == 1:
        for call in calls:
            call()
    else:
        with ThreadPoolExecutor(threads) as pool:
            # What is read is let go at once, as with one thread: gigabytes of new memory would be measured instead.
            list(pool.map(_let_go, calls))
    return time.process_time() - cpu, time.perf_counter() - clock


def _let_go(call: Callable[[], object]) -> None:
    call()


def tiles_of(path: Path, mpp: float, on_grid: bool, most: int) -> tuple[np.ndarray, float]:
    """Return where at most about ``most`` tiles lie and their side, in level-0 px."""
    with open_slide(path) as slide, openslide.OpenSlide(path) as handle:
        side, size = PX * mpp / slide.mpp, slide.size
        level = handle.get_best_level_for_downsample(side / PX * 1.005)
        native = int(handle.properties[f"openslide.level[{level}].tile-width"]) * handle.level_downsamples[level]
    step = max(1, round(side / native)) * native if on_grid else side
    origin = 0 if on_grid else 37
    across, down = (int((length - side - origin) // step) + 1 for length in size)
    across = min(across, round(most**0.5))
    down = min(down, -(-most // across))
    places = [(origin + round(x * step), origin + round(y * step)) for y in range(down) for x in range(across)]
    return np.array(places), side


def speeds(path: Path, coords: np.ndarray, side: float, turns: int) -> list[float]:
    """Return tiles per second and core of each of ``WAYS``."""
    found: list[list[float]] = [[] for _ in WAYS]
    for _ in range(turns):
        for number, rates in enumerate(found):
            if number < 2:
                calls = bare_reads(path, coords, side, finish=number == 1)
            else:
                calls = our_reads(path, coords, side, "auto" if number == 2 else "openslide")
            rates.append(len(coords) / seconds(calls, 1)[0])
    return [statistics.median(rates) for rates in found]


def two_threads(path: Path, coords: np.ndarray, side: float, turns: int) -> float:
    """Return how many times as fast two threads read ours as one does, by the clock."""
    times = {1: [], 2: []}
    for _ in range(turns):
        for threads, clocks in times.items():
            clocks.append(seconds(our_reads(path, coords, side, "auto"), threads)[1])
    return statistics.median(times[1]) / statistics.median(times[2])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--svs", type=Path, help="a real JPEG slide to read as well")
    parser.add_argument("--quick", action="store_true", help="few tiles and turns; numbers only show that it runs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    most, turns = (64, 2) if options.quick else (400, 7)
    with tempfile.TemporaryDirectory() as folder:
        drawn = write_repeated(Path(folder) / "drawn.tiff", (32768, 32768), tissue(4096))
        # Threads share blocks: of few blocks one thread would get the last alone.
        large = write_repeated(Path(folder) / "large.tiff", (65536, 65536), tissue(4096))
        slides = {"drawn 40x": drawn, **({options.svs.stem: options.svs} if options.svs else {})}
        for path in slides.values():
            with open_slide(path) as slide:
                print(f"{path.name}: {slide.mpp:g} µm/px, {slide.reader}")
        print(f"tiles of {PX} px; tiles per second and core, medians of {turns} turns")
        print(
            "| slide | µm/px | tiles | lie | (a) OpenSlide alone | (b) TRIDENT's way | (c) ours | ours, OpenSlide |",
            end="",
        )
        print(" c/b | bar | c/a |\n" + "|---" * 11 + "|")
        for (name, path), mpp, place in itertools.product(slides.items(), (0.5, 1.14), BARS):
            coords, side = tiles_of(path, mpp, place == "on the grid", most)
            speed = speeds(path, coords, side, turns)
            ratio = speed[2] / speed[1]
            verdict = f"{BARS[place]:g} {'met' if ratio >= BARS[place] else 'MISSED'}"
            row = [name, mpp, len(coords), place, *(f"{value:.0f}" for value in speed)]
            print("| " + " | ".join(map(str, [*row, f"{ratio:.1f}", verdict, f"{speed[2] / speed[0]:.1f}"])) + " |")
        print("\n| two threads, ours, drawn 40x | µm/px | tiles | times one thread | bar |\n|---|---|---|---|---|")
        for mpp, place in itertools.product((0.5, 1.14), BARS):
            coords, side = tiles_of(large, mpp, place == "on the grid", 8000)
            gain = two_threads(large, coords, side, min(turns, 3))
            verdict = f"{THREADS_BAR:g} {'met' if gain >= THREADS_BAR else 'MISSED'}"
            print(f"| {place} | {mpp} | {len(coords)} | {gain:.2f} | {verdict} |", flush=True)


if __name__ == "__main__":
    main()
