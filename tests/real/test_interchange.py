"""A real feature file of others: read, trained on, converted into every layout and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from models.cohort import Centre, load_cohort
from models.mil_learner import Hyperparameters, MilLearner, spec_for
from models.predict import predict_cohort
from models.train import train_cohort
from pipelines.features import Given, read_any, read_features
from pipelines.features.convert import ConvertOptions, convert_files
from pipelines.inspection import inspect_hdf5

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real
SLIDE = "TCGA-AD-6964-01Z-00-DX1"
# What the file leaves unsaid; the tile pictures beside it are of 512 px, as is the step of its coordinates.
GIVEN = Given(mpp=0.5, slide_size=(36_000, 30_000), encoder="mopadi", tile_um=256.0, tile_px=512, unit="px")
PLACES = {
    "native": "features/mopadi",
    "trident": "20x_512px_0px_overlap/features_mopadi",
    "stamp": "mopadi",
    "clam": "h5_files",
}


@pytest.fixture
def real_file(real_data: Path) -> Path:
    return real_data / "features/mopadi_TCGA-AD-6964/features.h5"


def test_it_is_read_as_it_is(real_file: Path) -> None:
    features = read_any(real_file)
    assert (features.features.shape, features.features.dtype) == ((777, 512), np.float32)
    assert {"encoder", "coords", "mpp", "tile_um"} <= set(features.attrs["unknown"])
    named = {tuple(int(part) for part in path.stem[6:-1].split(",")) for path in real_file.parent.glob("Tile_*.jpg")}
    assert len(named) == 3
    assert named <= set(map(tuple, read_any(real_file, GIVEN).coords.tolist()))
    assert inspect_hdf5(real_file)["layout"] == "stamp"


def test_it_goes_into_every_layout_and_back(real_file: Path, tmp_path: Path) -> None:
    original = read_any(real_file, GIVEN)
    for layout, place in PLACES.items():
        summary = convert_files([real_file], tmp_path / layout, ConvertOptions(layout, GIVEN))
        summary.check()
        made = read_any(tmp_path / layout / place / "features.h5")
        assert np.array_equal(made.coords, original.coords)
        if layout in ("native", "stamp"):
            assert summary.outcomes[0].reason == "float32 was rounded to float16"
            assert np.array_equal(made.features, original.features.astype(np.float16))
        else:
            assert np.array_equal(made.features, original.features)
        convert_files([tmp_path / layout / place], tmp_path / "back" / layout, ConvertOptions("native")).check()
    native = (tmp_path / "native/features/mopadi/features.h5").read_bytes()
    for layout in PLACES:
        assert (tmp_path / "back" / layout / "features/mopadi/features.h5").read_bytes() == native
    attrs = read_features(tmp_path / "native/features/mopadi/features.h5").attrs
    assert (attrs["tile_px_level0"], attrs["requested_mpp"], attrs["converted_from"]) == (512, 0.5, "stamp")


def test_models_trained_on_any_layout_of_it_are_one(real_file: Path, tmp_path: Path) -> None:
    """Eight patients of parts of the slide's tiles; half are moved, so that there is something to learn."""
    torch.set_num_threads(1)
    with h5py.File(real_file) as file:
        vectors, coords = file["feats"][:], file["coords"][:]
    (tmp_path / "own").mkdir()
    for index in range(8):
        with h5py.File(tmp_path / "own" / f"P{index}.h5", "w") as file:
            file["feats"] = vectors[index::8] + np.float32(index % 2)
            file["coords"] = coords[index::8]
    pd.DataFrame({"PATIENT": [f"P{i}" for i in range(8)], "MSI": ["MSIH", "MSS"] * 4}).to_csv(
        tmp_path / "clini.csv", index=False
    )
    pd.DataFrame({"PATIENT": [f"P{i}" for i in range(8)], "FILENAME": [f"P{i}.h5" for i in range(8)]}).to_csv(
        tmp_path / "slides.csv", index=False
    )
    folders = {"own": tmp_path / "own"}
    for layout, place in PLACES.items():
        convert_files([tmp_path / "own"], tmp_path / layout, ConvertOptions(layout, GIVEN)).check()
        folders[layout] = tmp_path / layout / place
    tables = {}
    for layout, folder in folders.items():
        cohort = load_cohort(tmp_path / "clini.csv", tmp_path / "slides.csv", folder, ["MSI"])
        learner = MilLearner(cohort, spec_for(cohort, 16, 8), Hyperparameters())
        centre = Centre(tmp_path / "clini.csv", tmp_path / "slides.csv", folder)
        model = train_cohort(learner, cohort, [centre], 3, 20, 5).model
        tables[layout] = predict_cohort(model, cohort).table
    for table in tables.values():
        pd.testing.assert_frame_equal(table, tables["own"])
    probability = tables["own"].iloc[:, -1].to_numpy()
    assert probability[::2].min() > probability[1::2].max()
