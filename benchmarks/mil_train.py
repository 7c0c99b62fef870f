"""Reading and training of bags, against a float32 loop of one bag at a time over h5 files with (1, D) chunks.

    python -m benchmarks.mil_train [--slides 24] [--folder FOLDER]

Drawn slides of 500 to 8,000 tiles x 1024 lie twice in a folder: as native feature files, and as float32 in (1, D)
chunks. One torch thread. Both ways train the same gated attention network from the same weights with AdamW at the same
rate, on whole bags, one per step; ours reads the next bag meanwhile and multiplies in bfloat16. ``loading`` reads every
bag once into the type it trains in. Files are warm. AUROC is of drawn bags that neither has seen.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import torch

from models.aggregators import aggregator_class
from models.bags import Bag, load_bag
from models.cohort import Patient
from models.evaluation.auroc import auroc_interval
from models.feature_kind import FeatureKind
from models.hyperparameters import Hyperparameters
from models.mil_batches import Packing
from models.mil_learner import MilLearner
from models.model_file import Model, ModelSpec
from models.predict import predict_bag
from models.targets import Target
from pipelines.features import Features, describe, write_features

if TYPE_CHECKING:
    from collections.abc import Callable

DIM, EPOCHS = 1024, 4
SPEC = ModelSpec((Target("MSI", "yes", ("no",)),), FeatureKind("drawn", "", "", DIM, 112.0, 0.5))
RATE = 3e-4
WHOLE = Hyperparameters(
    bag_tiles=1_000_000,
    batch_patients=1,
    precision="bfloat16",
    input_dropout=0.0,
    dropout=0.0,
    learning_rate=RATE,
    schedule="constant",
    weight_decay=0.01,
)


def drawn(index: int, tiles: int) -> np.ndarray:
    """(tiles, 1024) float16; a tenth of the tiles of every second slide is shifted a little in 16 columns."""
    rng = np.random.default_rng(index)
    values = rng.standard_normal((tiles, DIM), np.float32)
    if index % 2:
        values[rng.random(tiles) < 0.1, :16] += 1.0
    return values.astype(np.float16)


def write(folder: Path, slides: int) -> list[int]:
    """Write every slide in both layouts and return their numbers of tiles."""
    sizes = np.geomspace(500, 8000, slides).astype(int)
    sizes = np.random.default_rng(0).permutation(sizes)
    (folder / "chunks").mkdir(parents=True, exist_ok=True)
    for index, tiles in enumerate(sizes):
        values, coords = drawn(index, tiles), np.zeros((tiles, 2), np.int32)
        attrs = describe(slide_size=(1000, 1000), mpp=0.5, encoder="drawn", encoder_card_sha256="")
        write_features(folder / "native" / f"{index}.h5", Features(str(index), values, coords, attrs))
        with h5py.File(folder / "chunks" / f"{index}.h5", "w") as file:
            file.create_dataset("features", data=values.astype(np.float32), chunks=(1, DIM), maxshape=(None, DIM))
    return sizes.tolist()


def loop_load(folder: Path, index: int) -> torch.Tensor:
    """One bag as a plain loop reads it."""
    with h5py.File(folder / "chunks" / f"{index}.h5", "r") as file:
        return torch.from_numpy(file["features"][:])


def loop_epoch(folder: Path, network: torch.nn.Module, optimiser: torch.optim.Optimizer, order: np.ndarray) -> None:
    """One epoch, one bag per step, float32."""
    for index in order:
        logit = network(loop_load(folder, int(index))).logits
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, torch.tensor([float(index % 2)]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def auroc(model: Model) -> str:
    """AUROC with its interval over 60 drawn bags of 1,000 tiles."""
    index = range(1_000_000, 1_000_060)
    area = auroc_interval([i % 2 for i in index], [predict_bag(model, drawn(i, 1000))["MSI"] for i in index])
    return f"{area.value:.3f} [{area.low:.3f}, {area.high:.3f}]"


def main() -> None:
    """Print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slides", type=int, default=24)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        sizes = write(folder, options.slides)
        print(
            f"{len(sizes)} slides, {min(sizes)} to {max(sizes)} tiles, {sum(sizes) * DIM * 2 / 1e9:.2f} GB in float16"
        )
        files = [Patient(str(i), (folder / "native" / f"{i}.h5",), {}) for i in range(len(sizes))]
        bags = [load_bag(patient, mapped=True) for patient in files]
        labels = (np.arange(len(sizes)) % 2).astype(np.float32)[:, None]
        compare(folder, bags, labels)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB, mapped pages included")


def compare(folder: Path, bags: list[Bag], labels: np.ndarray) -> None:
    """Time loading and epochs of both, alternately, and their AUROC."""
    rng = np.random.default_rng(0)
    packing = Packing(torch.device("cpu"), torch.bfloat16)

    def load_ours() -> None:
        for bag in bags:
            packing.pack([bag.take(WHOLE.bag_tiles, rng)])

    def load_loop() -> None:
        for index in range(len(bags)):
            loop_load(folder, index)

    load_ours(), load_loop()
    loading = [(seconds(load_loop), seconds(load_ours)) for _ in range(3)]
    learner = MilLearner.from_bags(bags, labels, SPEC, WHOLE)
    state = learner.initial_state(0)
    network = aggregator_class(SPEC.aggregator)(DIM, SPEC.hidden, SPEC.attention, 1)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    epochs = []
    for epoch in range(EPOCHS):
        order = rng.permutation(len(bags))
        slow = seconds(lambda order=order: loop_epoch(folder, network, optimiser, order))
        start = time.perf_counter()
        state = learner.train(state, epoch, EPOCHS, learner.steps_per_epoch, 0).state
        epochs.append((slow, time.perf_counter() - start))
    for name, pairs in (("loading", loading), ("epoch", epochs)):
        slow, fast = (min(column) for column in zip(*pairs, strict=True))
        print(f"{name}: loop {slow:.2f} s, ours {fast:.2f} s, {slow / fast:.1f} times as fast (best of {len(pairs)})")
    plain = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    print(f"AUROC: loop {auroc(Model(plain, SPEC))}, ours {auroc(Model(state, SPEC))}")


if __name__ == "__main__":
    main()
