"""Tiles per second from slide to feature file, beside the encoder's own rate on tiles that are in memory.

    python -m benchmarks.extract [--device cuda] [--encoders resnet50,uni,h-optimus-0] [--quick]

Slides are drawn: JPEG pyramids of 0.25 µm/px, so a tile of 224 px at 0.5 µm/px is area-averaged from 448 px. Weights
are random; time does not depend on them. The encoders: ResNet-50, ViT-L/16 (UNI's shape), ViT-g/14 (H-optimus-0's).

"end to end" is the wall time of ``extract_slides``: claims, opening, decoding, encoding, writing, for slides that
``tile`` has prepared. "encoder alone" runs the same encoder over as many batches of tiles that already lie on the
device, results copied back. Both are measured in turns; numbers are medians, the ratio is the median of the turns'.

What the ratio means: on a GPU, how much of its time the engine keeps it busy. On a CPU decoding and encoder share the
cores, and "encoder alone" has them all: the ratio is the part of the machine that is left to the encoder.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.mosaic import tissue, write_repeated
from models.encoders import get_encoder
from pipelines.extract import ExtractOptions, extract_slides
from pipelines.features import Tiles, describe_tiles, write_tiles
from pipelines.job import Claim, Control, Job, fingerprint
from pipelines.slides import SlideEntry, open_slide

if TYPE_CHECKING:
    from pipelines.encoder import Encoder

PX, MPP, SLIDE_MPP = 224, 0.5, 0.25
SLIDES = 2
ENCODERS = ("resnet50", "uni", "h-optimus-0")
BAR = 0.9
CPU_BATCHES = {"resnet50": (16, 24), "uni": (8, 10), "h-optimus-0": (4, 6)}
"""(tiles per batch, batches): enough that what is paid once per slide does not decide, few enough for minutes."""


def make_job(folder: Path, tiles: int) -> tuple[Path, Path]:
    """Draw slides and lay their tiles into a job as ``tile`` does, so that exactly ``tiles`` are read."""
    slides, job = folder / "slides", Job(folder / "job")
    side = PX * MPP / SLIDE_MPP
    picture = tissue(8192)
    with job:
        for number in range(SLIDES):
            count = tiles // SLIDES + (number < tiles % SLIDES)
            across = int(np.ceil(np.sqrt(count)))
            size = int(np.ceil(across * side / 256) * 256)
            path = write_repeated(slides / f"slide-{number}.tif", (size, size), picture, SLIDE_MPP)
            coords = np.array([(row % across * side, row // across * side) for row in range(count)], np.int32)
            with open_slide(path) as slide:
                attrs = describe_tiles(slide.size, slide.mpp, MPP, PX, 0)
                attrs |= {"mpp_origin": slide.mpp_origin, "reader": slide.reader, "dropped": {}}
            entry = SlideEntry(path)
            claim = job.claim(entry, "tile", {"slide": fingerprint(path)}, [])
            assert isinstance(claim, Claim)
            write_tiles(job.tiles_file(entry.id), Tiles(entry.id, coords, attrs))
            claim.done({"tiles": count, "dropped": {}})
    return slides, job.folder


def end_to_end(slides: Path, job: Path, encoder: Encoder, options: ExtractOptions, tiles: int) -> float:
    """Return tiles per second of one run from the first claim to the last file."""
    start = time.perf_counter()
    summary = extract_slides(slides, job, encoder, options, control=Control(force=True))
    took = time.perf_counter() - start
    assert [outcome.status for outcome in summary.outcomes] == ["done"] * SLIDES
    assert sum(outcome.counts["tiles"] for outcome in summary.outcomes) == tiles
    return tiles / took


def alone(encoder: Encoder, batch_size: int, batches: int) -> float:
    """Return tiles per second of the encoder on resident tiles."""
    generator = torch.Generator().manual_seed(0)
    tiles = torch.randint(0, 256, (batch_size, PX, PX, 3), dtype=torch.uint8, generator=generator).to(encoder.device)
    start = time.perf_counter()
    with torch.inference_mode():
        for _ in range(batches):
            vectors = encoder(encoder.transform(tiles)).float()
        vectors.cpu()  # waits for all that was launched
    return batch_size * batches / (time.perf_counter() - start)


def measure(name: str, device: str, turns: int, quick: bool, workers: int) -> float:
    """Print one row and return its ratio."""
    encoder = get_encoder(name, "random", device)
    batch_size, batches = (256, 48) if encoder.device.type == "cuda" else CPU_BATCHES.get(name, (8, 10))
    batches = max(2, batches // 4) if quick else batches
    tiles = batch_size * batches
    options = ExtractOptions(batch_size=batch_size, workers=workers, allow_mpp=True)
    with tempfile.TemporaryDirectory() as folder:
        slides, job = make_job(Path(folder), tiles)
        alone(encoder, batch_size, 1)  # both start warm
        end_to_end(slides, job, encoder, options, tiles)
        pairs = [
            (end_to_end(slides, job, encoder, options, tiles), alone(encoder, batch_size, batches))
            for _ in range(turns)
        ]
    ends, forwards = (statistics.median(values) for values in zip(*pairs, strict=True))
    ratio = statistics.median(end / forward for end, forward in pairs)
    verdict = "reached" if ratio >= BAR else "missed"
    print(f"| {name} | {tiles} | {batch_size} | {ends:.2f} | {forwards:.2f} | {ratio:.3f} | {verdict} |", flush=True)
    return ratio


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--device", default="auto")
    arguments.add_argument("--encoders", default=",".join(ENCODERS))
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 4)
    arguments.add_argument("--turns", type=int, default=3)
    arguments.add_argument("--quick", action="store_true", help="one turn, few batches: to see that it runs")
    given = arguments.parse_args()
    device = get_encoder("stain-texture", None, given.device).device
    what = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    print(f"{what}; {given.workers} reading threads; bar {BAR}\n")
    print("| encoder | tiles | batch | end to end, tiles/s | encoder alone, tiles/s | ratio | bar |")
    print("|---|---:|---:|---:|---:|---:|---|")
    for name in given.encoders.split(","):
        measure(name, given.device, 1 if given.quick else given.turns, given.quick, given.workers)


if __name__ == "__main__":
    main()
