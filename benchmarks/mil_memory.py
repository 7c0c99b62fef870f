"""Memory of training on a cohort that is larger than memory.

    python -m benchmarks.mil_memory [--slides 2000] [--tiles 10000] [--steps 250]

Every slide is a native feature file of its own, ``tiles`` x 1024 float16. The values are zeros and the files sparse, so
that the disk holds them; for memory they are files like others, whose pages the system reads and may forget. Two
passes: 8 patients of 512 tiles per step, and one patient's whole bag per step. Reported is what the process cannot give
back (anonymous memory), and the mapped pages, which the system may take back at any time.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.report import machine
from models.bags import load_bag
from models.cohort import Patient
from models.feature_kind import FeatureKind
from models.hyperparameters import Hyperparameters
from models.mil_learner import MilLearner
from models.model_file import ModelSpec
from models.targets import Target
from pipelines.features import Features, describe, write_features

DIM = 1024
SPEC = ModelSpec((Target("MSI", "yes", ("no",)),), FeatureKind("drawn", "", "", DIM, 112.0, 0.5))
PASSES = {
    "8 patients of 512 tiles": Hyperparameters(batch_patients=8, bag_tiles=512),
    "1 patient, all tiles": Hyperparameters(batch_patients=1, bag_tiles=10_000_000),
}


def memory_mb(name: str) -> float:
    """Return a figure of this process ("RssAnon", "RssFile", "VmHWM") in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1000


def draw(folder: Path, slides: int, tiles: int) -> list[Path]:
    """Write the first file, and sparse copies of it."""
    coords = np.stack(np.divmod(np.arange(tiles), 100), 1).astype(np.int32) * 224
    attrs = describe(slide_size=(120_000, 120_000), mpp=0.5, encoder="drawn")
    first = folder / "s0.h5"
    write_features(first, Features("s0", np.zeros((tiles, DIM), np.float16), coords, attrs))
    files = [first]
    for number in range(1, slides):
        files.append(folder / f"s{number}.h5")
        subprocess.run(["cp", "--sparse=always", first, files[-1]], check=True)
    return files


def main() -> None:
    """Train, and print a row per pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slides", type=int, default=2000)
    parser.add_argument("--tiles", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=250)
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        files = draw(Path(folder), options.slides, options.tiles)
        before = memory_mb("RssAnon")
        bags = [load_bag(Patient(path.stem, (path,), {}), mapped=True) for path in files]
        labels = (np.arange(len(bags)) % 2).astype(np.float32)[:, None]
        size = options.slides * options.tiles * DIM * 2 / 1e9
        print(f"{options.slides} slides x {options.tiles} tiles, {size:.0f} GB; {before:.0f} MB after imports")
        print("| per step | steps | ms per step | anonymous MB | mapped MB |\n|---|---|---|---|---|")
        for name, settings in PASSES.items():
            learner = MilLearner.from_bags(bags, labels, SPEC, settings)
            began = time.monotonic()
            learner.train(learner.initial_state(0), 0, 1, options.steps, 0)
            pace = (time.monotonic() - began) / options.steps * 1000
            told = memory_mb("RssAnon"), memory_mb("RssFile")
            print(f"| {name} | {options.steps} | {pace:.0f} | {told[0]:.0f} | {told[1]:.0f} |", flush=True)
        print(f"peak of both together {memory_mb('VmHWM'):.0f} MB")


if __name__ == "__main__":
    main()
