"""stain-texture against a randomly initialised ResNet-18: tiles per second, and carcinoma found on real tiles.

    python -m benchmarks.descriptor ../shared/data/patches/crc5 [--device cpu] [--threads 1]

Both run in this process, in turns, on the same tiles. The quality task: adenocarcinoma against the four other classes,
logistic regression on the features of ``training/``, AUROC on ``test/``, which shows other slides.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.encoders import get_encoder

if TYPE_CHECKING:
    from pipelines.encoder import Encoder

CLASSES = ("AC", "H", "S", "T", "V")


def read_tiles(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read one split: uint8 (N, 224, 224, 3) and whether each tile is carcinoma."""
    files = [path for name in CLASSES for path in sorted((folder / split / name).glob("*.jpg"))]
    tiles = np.stack([cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in files])
    return tiles, np.array([path.parent.name == "AC" for path in files])


def encode(encoder: Encoder, tiles: np.ndarray, batch_size: int = 64) -> np.ndarray:
    """Encode all tiles, as extraction does, and round to the float16 of a feature file."""
    parts = []
    for at in range(0, len(tiles), batch_size):
        batch = torch.from_numpy(tiles[at : at + batch_size]).to(encoder.device)
        parts.append(encoder(encoder.transform(batch)).half().cpu().numpy())
    return np.concatenate(parts).astype(np.float32)


def carcinoma_auroc(folder: Path, encoder: Encoder) -> dict[str, float]:
    """AUROC on ``test/`` of scikit-learn's default logistic regression, on raw and on standardised features."""
    (train, train_labels), (test, test_labels) = (read_tiles(folder, split) for split in ("training", "test"))
    train_features, test_features = encode(encoder, train), encode(encoder, test)
    classifiers = {
        "raw": LogisticRegression(max_iter=5000),
        "standardised": make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)),
    }
    return {
        name: float(
            roc_auc_score(test_labels, classifier.fit(train_features, train_labels).decision_function(test_features))
        )
        for name, classifier in classifiers.items()
    }


def tiles_per_second(encoders: list[Encoder], tiles: np.ndarray, turns: int) -> list[float]:
    """Best of several turns for each encoder, taken alternately, from uint8 tiles to features on the host."""
    best = [np.inf] * len(encoders)
    for turn in range(turns + 1):
        for index, encoder in enumerate(encoders):
            start = time.perf_counter()
            encode(encoder, tiles)
            if turn:  # the first turn warms up
                best[index] = min(best[index], time.perf_counter() - start)
    return [len(tiles) / seconds for seconds in best]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="crc5 folder with training/ and test/")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tiles", type=int, default=128, help="tiles per timed turn")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    encoders = [
        get_encoder("stain-texture", None, options.device),
        get_encoder("resnet18", "random", options.device),
    ]
    tiles = read_tiles(options.folder, "test")[0][: options.tiles]
    speeds = tiles_per_second(encoders, tiles, options.turns)
    print(f"device {options.device}, {options.threads} thread(s), {len(tiles)} tiles of 224 x 224, batches of 64")
    print("| encoder | numbers | tiles/s | AUROC, raw | AUROC, standardised |\n|---|---|---|---|---|")
    for encoder, speed in zip(encoders, speeds, strict=True):
        auroc = carcinoma_auroc(options.folder, encoder)
        kind = " (random)" if encoder.weights_sha256.startswith("random") else ""
        print(
            f"| {encoder.name}{kind} | {encoder.dim} | {speed:.0f} | {auroc['raw']:.3f} | {auroc['standardised']:.3f} |"
        )
    print(f"stain-texture is {speeds[0] / speeds[1]:.1f} times as fast")


if __name__ == "__main__":
    main()
