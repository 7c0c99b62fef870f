"""Small centres with features whose labels show in two numbers."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.features import Features, describe, write_features


def make_centre(folder, name, patients, seed, signal=3.0):
    """Write tables and features of a centre whose labels show in two of the features."""
    rng = np.random.default_rng(seed)
    clini, slides = ["PATIENT,MSI,BRAF"], ["PATIENT,FILENAME"]
    attrs = describe(slide_size=(1000, 1000), mpp=0.5, encoder="drawn", encoder_card_sha256="ab")
    for number in range(patients):
        msi, braf = number % 2, (number // 2) % 2
        tiles = rng.normal(0, 1, (int(rng.integers(12, 30)), 6))
        tiles[:5, 0] += signal * msi
        tiles[:5, 1] += signal * braf
        patient = f"{name}-{number:02d}"
        clini.append(f"{patient},{('MSS', 'MSIH')[msi]},{'' if number == 5 else ('WT', 'MUT')[braf]}")
        slides.append(f"{patient},{patient}.tif")
        coords = np.stack([np.arange(len(tiles)) * 30, np.zeros(len(tiles))], 1)
        write_features(
            folder / "features" / f"{patient}.h5", Features(patient, tiles.astype(np.float16), coords, attrs)
        )
    (folder / "clini.csv").write_text("\n".join(clini) + "\n")
    (folder / "slides.csv").write_text("\n".join(slides) + "\n")
    return folder


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("centres")
    sizes = {"a": 16, "b": 10, "c": 8, "held-out": 40}
    return {name: make_centre(root / name, name, size, seed) for seed, (name, size) in enumerate(sizes.items())}
