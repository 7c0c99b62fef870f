"""Peak memory of ``tile`` and ``extract`` on a very large slide, above what the programs and the encoder take.

    python -m benchmarks.memory [--quick] [--size 100000 80000] [--encoder stain-texture] [--workers 4]

The slide is 100,000 x 80,000 px at 0.25 µm/px, an ellipse of tissue on glass, JPEG in tiles of 256 px, levels 1, 4, 16;
tiles are 224 px at 0.5 µm/px. Each stage runs in a process of its own: it imports what it needs, loads the encoder and
encodes one batch, notes its resident memory, does its work, and says how far the peak rose above that. A slide of a
quarter of the area goes first, to show what grows with the slide.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BAR_MB = 1500


def resident_mb(kind: str) -> float:
    """Return this process's resident memory ("VmRSS") or its peak ("VmHWM") in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(kind):
            return int(line.split()[1]) / 1024
    raise KeyError(kind)


def draw(path: Path, size: tuple[int, int]) -> Path:
    """Write the slide."""
    from benchmarks.mosaic import tissue, write_repeated

    return write_repeated(path, size, tissue(4096), on_glass=True)


def run_stage(stage: str, slide: Path, job: Path, encoder_name: str, workers: int) -> dict[str, float]:
    """Do one stage in this process; return baseline, peak above it (MB), seconds and tiles."""
    from pipelines.slides import open_slide
    from pipelines.tile import TileOptions, tile_slides

    encoder = None
    if stage == "extract":
        import numpy as np
        import torch

        from models.encoders import get_encoder
        from pipelines.extract import ExtractOptions, extract_slides

        torch.set_num_threads(1)
        encoder = get_encoder(encoder_name, None, "cpu")
        batch = encoder.transform(torch.from_numpy(np.zeros((64, 224, 224, 3), np.uint8)))
        with torch.inference_mode():
            encoder(batch)
        del batch
    open_slide(slide).close()
    baseline = resident_mb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is resident now
    begin = time.perf_counter()
    if encoder is None:
        summary = tile_slides(slide, job, TileOptions(mpp=0.5, tile_px=224))
    else:
        summary = extract_slides(slide, job, encoder, ExtractOptions(workers=workers))
    summary.check()
    return {
        "baseline_mb": baseline,
        "above_mb": resident_mb("VmHWM") - baseline,
        "seconds": time.perf_counter() - begin,
        "tiles": summary.outcomes[0].counts["tiles"],
    }


def measure(size: tuple[int, int], encoder: str, workers: int) -> dict[str, dict[str, float]]:
    """Draw a slide and take it through both stages, each in a process of its own."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        slide = draw(Path(folder) / "large.tiff", size)
        for stage in ("tile", "extract"):
            command = [sys.executable, __file__, "--stage", stage, "--slide", str(slide), "--job", f"{folder}/job"]
            command += ["--encoder", encoder, "--workers", str(workers)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found[stage] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs=2, default=(100_000, 80_000), help="of the slide in px")
    parser.add_argument("--quick", action="store_true", help="a slide of a sixteenth of the area")
    parser.add_argument("--encoder", default="stain-texture")
    parser.add_argument("--workers", type=int, default=4, help="reading threads of extract")
    parser.add_argument("--stage", choices=("tile", "extract"), help=argparse.SUPPRESS)
    parser.add_argument("--slide", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--job", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        print(json.dumps(run_stage(options.stage, options.slide, options.job, options.encoder, options.workers)))
        return
    width, height = (side // 4 for side in options.size) if options.quick else options.size
    print("| slide | stage | tiles | s | before, MB | peak above, MB | bar |\n|---|---|---|---|---|---|---|")
    for size in ((width // 2, height // 2), (width, height)):
        for stage, row in measure(size, options.encoder, options.workers).items():
            verdict = f"{BAR_MB} {'met' if row['above_mb'] < BAR_MB else 'MISSED'}"
            cells = [f"{size[0]} x {size[1]}", stage, row["tiles"], f"{row['seconds']:.0f}"]
            cells += [f"{row['baseline_mb']:.0f}", f"{row['above_mb']:.0f}", verdict]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
