"""Cohorts with a planted signal: in positive patients some tiles point into a direction of their target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from models.aggregators.gated_attention import initial_state
from models.bags import Bag
from models.feature_kind import FeatureKind
from models.model_file import Model, ModelSpec
from models.targets import Target
from pipelines.features import Features, describe, write_features

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MSI = Target("MSI", "MSIH", ("nonMSIH",))
BRAF = Target("BRAF", "MUT", ("WT",))


@pytest.fixture(autouse=True)
def _one_torch_thread() -> None:
    torch.set_num_threads(1)


def planted(patients: int, seed: int, dim: int = 16, tiles: int = 40) -> tuple[list[Bag], np.ndarray]:
    """Bags and labels (MSI, BRAF); a fifth of a positive patient's tiles is shifted along the target's own axis."""
    rng = np.random.default_rng(seed)
    bags, labels = [], []
    for index in range(patients):
        label = (rng.random(2) < 0.4).astype(np.float32)
        if index < 2:
            label[:] = index
        values = rng.normal(0, 0.5, (int(tiles * rng.uniform(0.6, 1.4)), dim))
        for target in np.flatnonzero(label):
            values[rng.random(len(values)) < 0.2, target] += 2.5
        bags.append(Bag(f"P{index:03}", values.astype(np.float16)))
        labels.append(label)
    return bags, np.array(labels, np.float32)


def spec(dim: int = 16, hidden: int = 16, attention: int = 8, **more: object) -> ModelSpec:
    return ModelSpec((MSI, BRAF), FeatureKind("toy", "ab" * 32, "", dim, 112.0, 0.5), hidden, attention, **more)


@pytest.fixture
def make_planted() -> Callable[..., tuple[list[Bag], np.ndarray]]:
    return planted


@pytest.fixture
def make_spec() -> Callable[..., ModelSpec]:
    return spec


@pytest.fixture
def model() -> Model:
    return Model(initial_state(16, 16, 8, 2, seed=3), spec(provenance={"seed": 3}))


@dataclass
class Tables:
    """Two tables and a folder of feature files that a test writes cell by cell."""

    folder: Path

    @property
    def clini(self) -> Path:
        return self.folder / "clini.csv"

    @property
    def slides(self) -> Path:
        return self.folder / "slides.csv"

    @property
    def features(self) -> Path:
        return self.folder / "features"

    def write(self, clini: str, slides: str) -> Tables:
        self.folder.mkdir(exist_ok=True)
        self.clini.write_text(clini, encoding="utf-8")
        self.slides.write_text(slides, encoding="utf-8")
        return self

    def slide(self, name: str, values: np.ndarray | None = None, encoder: str = "toy", **more: object) -> Path:
        values = np.zeros((3, 16)) if values is None else values
        coords = np.arange(2 * len(values), dtype=np.int32).reshape(-1, 2)
        attrs = describe(slide_size=(1000, 1000), mpp=0.25, encoder=encoder, encoder_card_sha256="ab" * 32, **more)
        path = self.features / f"{name}.h5"
        write_features(path, Features(name, values.astype(np.float16), coords, attrs))
        return path


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path / "centre")


@pytest.fixture
def planted_centre(tmp_path: Path) -> Callable[..., Tables]:
    """Write a whole centre: tables and feature files of planted patients."""

    def make(name: str, patients: int, seed: int) -> Tables:
        centre = Tables(tmp_path / name)
        centre.folder.mkdir()
        bags, labels = planted(patients, seed)
        clini, slides = ["PATIENT,MSI,BRAF"], ["PATIENT,FILENAME"]
        for bag, (msi, braf) in zip(bags, labels, strict=True):
            patient = f"{name}-{bag.patient_id}"
            half = len(bag.tiles) // 2
            centre.slide(f"{patient}-a", bag.tiles[:half])
            centre.slide(f"{patient}-b", bag.tiles[half:])
            clini.append(f"{patient},{'MSIH' if msi else 'nonMSIH'},{'MUT' if braf else 'WT'}")
            slides += [f"{patient},{patient}-a.svs", f"{patient},{patient}-b.svs"]
        return centre.write("\n".join(clini) + "\n", "\n".join(slides) + "\n")

    return make
