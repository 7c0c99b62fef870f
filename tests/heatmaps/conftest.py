"""A drawn slide, its features and a model whose evidence is known in advance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from heatmaps.making.slide_heatmap import Heatmap, make_heatmap
from models.aggregators.gated_attention import initial_state
from models.feature_kind import FeatureKind
from models.model_file import Model, ModelSpec, load_model, save_model
from models.targets import Target
from pipelines.features import Features, describe, write_features
from pipelines.grid import make_grid
from wsi_swarm.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MPP = 0.5
SIZE = (600, 450)
TILE_PX = 32
KIND = FeatureKind("planted", "ab" * 32, "", 4, TILE_PX * MPP, MPP)
FOR, AGAINST = 0, 1
"""Numbers of a tile's vector that speak for and against MSI; for BRAF it is the other way round."""


@dataclass(frozen=True)
class Case:
    """Paths of one case, and the rows of its feature file that were planted."""

    slide: Path
    features: Path
    model: Path
    planted_for: np.ndarray
    planted_against: np.ndarray

    def make(self, out: Path, **more: object) -> Heatmap:
        return make_heatmap(self.slide, load_model(self.model), self.features, out, created="2026-01-02", **more)


def draw_slide(path: Path, size: tuple[int, int] = SIZE, mpp: float | None = MPP) -> None:
    """Tiled TIFF with pink tissue in the middle and white glass around it."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[: size[1], : size[0]]
    inside = ((x / size[0] - 0.5) / 0.42) ** 2 + ((y / size[1] - 0.5) / 0.42) ** 2 < 1
    tissue = np.array([200, 120, 170]) + rng.normal(0, 18, (*inside.shape, 3))
    picture = np.where(inside[..., None], tissue, 245).clip(0, 255).astype(np.uint8)
    scale = {} if mpp is None else {"resolution": (1e4 / mpp, 1e4 / mpp), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, picture, tile=(256, 256), photometric="rgb", compression="deflate", **scale)


def planted_features(slide_id: str, overlap_px: int = 0) -> tuple[Features, np.ndarray, np.ndarray]:
    """Tiles in the middle of the slide; a patch of them speaks for MSI, another against."""
    grid = make_grid(SIZE, MPP, MPP, TILE_PX, overlap_px)
    centre = grid.coords + TILE_PX / 2
    tissue = (((centre / SIZE - 0.5) / 0.4) ** 2).sum(axis=1) < 1
    coords = grid.coords[tissue]
    # Tiles lie row by row; another order must give the same pictures.
    coords = np.random.default_rng(3).permutation(coords)
    x, y = coords.T
    planted_for = np.flatnonzero((x >= 160) & (x < 256) & (y >= 128) & (y < 224))
    planted_against = np.flatnonzero((x >= 352) & (x < 448) & (y >= 224) & (y < 320))
    vectors = np.random.default_rng(11).uniform(0, 0.05, (len(coords), 4))
    vectors[planted_for, FOR] += 1
    vectors[planted_against, AGAINST] += 1
    attrs = describe(
        slide_size=SIZE,
        mpp=MPP,
        requested_mpp=MPP,
        tile_px=TILE_PX,
        overlap_px=overlap_px,
        encoder=KIND.encoder,
        encoder_card_sha256=KIND.card_sha256,
        dropped={"background": 77, "unreadable": 2},
    )
    return Features(slide_id, vectors.astype(np.float16), coords, attrs), planted_for, planted_against


def planted_model(bias: float = -0.4) -> Model:
    state = initial_state(dim_in=4, hidden=4, attention=3, targets=2, seed=8)
    state["embed.weight"] = np.eye(4, dtype=np.float32)
    state["head.weight"] = np.array([[9, -9, 1, -1], [-6, 6, 0, 0]], np.float32)
    state["head.bias"] = np.array([bias, 0.1], np.float32)
    targets = (Target("MSI", "MSIH", ("MSS",)), Target("BRAF", "MUT", ("WT",)))
    provenance = {"mode": "swarm", "centres": [{"patients": 28}, {"patients": 41}], "rounds": 12}
    return Model(state, ModelSpec(targets, KIND, 4, 3, provenance=provenance))


def build_case(folder: Path) -> Case:
    slide, features_path, model = folder / "case 7.tif", folder / "features" / "case 7.h5", folder / "model.safetensors"
    draw_slide(slide)
    features, planted_for, planted_against = planted_features("case 7")
    write_features(features_path, features)
    save_model(model, planted_model())
    return Case(slide, features_path, model, planted_for, planted_against)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A case that the test may change."""
    return build_case(tmp_path)


@pytest.fixture(scope="session")
def shared_case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A case that no test changes."""
    return build_case(tmp_path_factory.mktemp("case"))


@pytest.fixture(scope="session")
def made(shared_case: Case, tmp_path_factory: pytest.TempPathFactory) -> Heatmap:
    """The outputs of ``shared_case``; no test changes them."""
    return shared_case.make(tmp_path_factory.mktemp("out"))


@pytest.fixture
def draw() -> Callable[..., None]:
    return draw_slide


@pytest.fixture
def make_features() -> Callable[..., tuple[Features, np.ndarray, np.ndarray]]:
    return planted_features


@pytest.fixture
def make_model() -> Callable[..., Model]:
    return planted_model


@pytest.fixture(scope="session")
def make_model_once() -> Callable[..., Model]:
    """The same for fixtures of a wider scope."""
    return planted_model


@pytest.fixture
def heatmap(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Run the command as from a shell; returns exit code, stdout, stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["wsi-swarm", "heatmap", *map(str, words)])
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0), *capsys.readouterr()

    return run
