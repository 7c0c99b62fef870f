"""Real colorectal tissue: three centres train as real nodes; the shared model finds unseen carcinoma, and where it is.

The slides are put together here from the real tiles of ``patches/crc5``: a carcinoma slide holds one block of
adenocarcinoma (AC) at a known place among healthy mucosa and adenomas (H, S, T, V), a benign slide holds none. The
centres' slides come from ``training/``, each tile used once; the unseen ones from ``test/``, whose brightness differs
and which has 60 tiles per class, so that a tile stands in several unseen slides and the intervals are too narrow.

That an attention model with few slides learns better from few tiles at a time was noticed with unseen slides in view;
batch, width and number of steps were then chosen on slides put together from ``training/`` alone, 60 tiles of each
class held out.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from heatmaps.methods.attribution import contributions
from models.cohort import Centre, load_cohort
from models.encoders import get_encoder
from models.evaluation.auroc import auroc_interval
from models.mil_learner import Hyperparameters
from models.model_file import load_model
from pipelines.extract import extract_slides
from pipelines.features import read_features
from pipelines.tile import TileOptions, tile_slides
from wsi_swarm.study.compare.comparison import Row, evaluate_on, merge_cohorts, train_alone
from wsi_swarm.study.compare.recipe import Recipe
from wsi_swarm.study.compare.table import as_text
from wsi_swarm.study.drawing.slide_file import write_slide
from wsi_swarm.study.nodes.swarm import run_swarm

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.real, pytest.mark.slow]

PX = 224
SIDE = 4
"""Tiles across a slide's tissue; around it lies one tile of empty glass, so that tissue has to be found."""
BLOCK = 3
"""Tiles across a carcinoma."""
BENIGN = ("H", "S", "T", "V")
CENTRES = {"one": (15, 15), "two": (10, 10), "three": (8, 8)}
"""Carcinoma and benign slides of each training centre."""
UNSEEN = (24, 24)
RECIPE = Recipe(
    rounds=10,
    steps=250,
    seed=5,
    hidden=64,
    attention=16,
    hyperparameters=Hyperparameters(learning_rate=3e-3, batch_patients=16, bag_tiles=2, input_dropout=0.0),
)


@dataclass(frozen=True)
class Folder:
    """One centre's slides, table of slides and of labels, features."""

    path: Path
    carcinoma: dict[str, np.ndarray]
    """By slide: bool (SIDE, SIDE), where carcinoma was put."""

    @property
    def features(self) -> Path:
        return self.path / "job" / "features" / "stain-texture"

    def cohort(self):
        return load_cohort(
            self.path / "clini.csv", self.path / "slides.csv", self.features, ["TUMOUR"], {"TUMOUR": "AC"}
        )


class Pool:
    """Tiles of one split in a random order; a used-up class is dealt anew if ``again``."""

    def __init__(self, folder: Path, rng: np.random.Generator, again: bool) -> None:
        self.files = {kind: sorted((folder / kind).glob("*.jpg")) for kind in ("AC", *BENIGN)}
        self.left: dict[str, list[Path]] = {kind: [] for kind in self.files}
        self.rng, self.again = rng, again
        for kind in self.files:
            self._deal(kind)

    def take(self, kind: str) -> np.ndarray:
        if not self.left[kind] and self.again:
            self._deal(kind)
        return cv2.cvtColor(cv2.imread(str(self.left[kind].pop())), cv2.COLOR_BGR2RGB)

    def _deal(self, kind: str) -> None:
        self.left[kind] = [self.files[kind][i] for i in self.rng.permutation(len(self.files[kind]))]


def put_together(pool: Pool, has_carcinoma: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture and where its carcinoma lies, bool (SIDE, SIDE)."""
    where = np.zeros((SIDE, SIDE), bool)
    if has_carcinoma:
        top, left = pool.rng.integers(0, SIDE - BLOCK + 1, 2)
        where[top : top + BLOCK, left : left + BLOCK] = True
    kinds = np.resize(pool.rng.permutation(BENIGN), where.size).reshape(where.shape)
    kinds = pool.rng.permuted(kinds)
    picture = np.full(((SIDE + 2) * PX, (SIDE + 2) * PX, 3), 243, np.uint8)
    for row, column in np.ndindex(where.shape):
        tile = pool.take("AC" if where[row, column] else str(kinds[row, column]))
        # On the tile grid, so that each tile of the pipeline is one tile of known class.
        picture[(row + 1) * PX : (row + 2) * PX, (column + 1) * PX : (column + 2) * PX] = tile
    return picture, where


def make_folder(path: Path, name: str, pool: Pool, positives: int, negatives: int) -> Folder:
    carcinoma: dict[str, np.ndarray] = {}
    path.mkdir(parents=True)
    with (path / "clini.csv").open("w") as clini, (path / "slides.csv").open("w") as slides:
        labels, files = csv.writer(clini), csv.writer(slides)
        labels.writerow(["PATIENT", "TUMOUR"])
        files.writerow(["PATIENT", "FILENAME"])
        for number in range(positives + negatives):
            slide = f"{name}-{number:02d}"
            picture, carcinoma[slide] = put_together(pool, number < positives)
            # The tiles are JPEGs already, as a scanner would have written them: a second loss is no part of a slide.
            write_slide(path / "slides" / f"{slide}.tif", picture, mpp=0.5, jpeg_quality=100)
            labels.writerow([slide, "AC" if number < positives else "benign"])
            files.writerow([slide, f"{slide}.tif"])
    tile_slides(path / "slides", path / "job", TileOptions()).check()
    extract_slides(path / "slides", path / "job", get_encoder("stain-texture")).check()
    return Folder(path, carcinoma)


@pytest.fixture(scope="module")
def folders(real_data, tmp_path_factory):
    root = tmp_path_factory.mktemp("crc5")
    training = Pool(real_data / "patches" / "crc5" / "training", np.random.default_rng(1), again=False)
    unseen = Pool(real_data / "patches" / "crc5" / "test", np.random.default_rng(2), again=True)
    made = {name: make_folder(root / name, name, training, *sizes) for name, sizes in CENTRES.items()}
    return {**made, "unseen": make_folder(root / "unseen", "unseen", unseen, *UNSEEN)}


@pytest.fixture(scope="module")
def outcome(folders, tmp_path_factory):
    centres = {
        name: Centre(folder.path / "clini.csv", folder.path / "slides.csv", folder.features)
        for name, folder in folders.items()
        if name != "unseen"
    }
    where = tmp_path_factory.mktemp("swarm")
    return run_swarm(where / "run", centres, RECIPE, weighted=True, targets=["TUMOUR"], positive={"TUMOUR": "AC"})


def test_every_slide_is_tiled_as_it_was_put_together(folders):
    for folder in folders.values():
        for slide, where in folder.carcinoma.items():
            features = read_features(folder.features / f"{slide}.h5")
            assert len(features.coords) >= 0.9 * where.size, slide
            assert set(np.unique(features.coords % PX)) == {0}


def test_the_swarm_tells_unseen_carcinoma_slides_from_benign_ones(folders, outcome, capsys):
    test = folders["unseen"].cohort()
    cohorts = {name: folder.cohort() for name, folder in folders.items() if name != "unseen"}
    rows = [
        Row(f"local {name}", len(c.patients), evaluate_on(train_alone(c, RECIPE, name), test))
        for name, c in cohorts.items()
    ]
    merged = merge_cohorts(list(cohorts.values()))
    rows.append(Row("merged", len(merged.patients), evaluate_on(train_alone(merged, RECIPE, "merged"), test)))
    rows.append(Row("swarm weighted", len(merged.patients), evaluate_on(load_model(outcome.model), test)))
    with capsys.disabled():
        print(f"\ncarcinoma against {' '.join(BENIGN)}\n{as_text(rows)}")
    assert rows[-1].aurocs["TUMOUR"].value >= 0.90
    assert outcome.voids == 0
    assert outcome.centres == {name: sum(sizes) for name, sizes in CENTRES.items()}


def test_contributions_find_the_carcinoma(folders, outcome, capsys):
    folder, model = folders["unseen"], load_model(outcome.model)
    values = []
    for slide, where in folder.carcinoma.items():
        if not where.any():
            continue
        features = read_features(folder.features / f"{slide}.h5")
        column, row = (features.coords // PX - 1).T
        scores = contributions(model, features, "TUMOUR")
        values.append(auroc_interval(where[row, column].astype(int), scores.contribution).value)
    with capsys.disabled():
        print(f"\nlocalisation AUROC by slide: median {np.median(values):.2f}, {np.round(sorted(values), 2).tolist()}")
    assert len(values) == UNSEEN[0]
    assert np.median(values) >= 0.80
