"""A heatmap from features of others: geometry that their file lacks comes from the slide."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest

from models.feature_kind import read_kind
from models.model_file import load_model, save_model
from pipelines.errors import InputError
from pipelines.features.content import KEPT
from pipelines.features.convert import ConvertOptions, convert_files

PLACES = {"trident": "20x_32px_0px_overlap/features_*", "stamp": "*", "clam": "h5_files"}


@pytest.mark.parametrize("layout", ["trident", "stamp", "clam"])
def test_the_scores_are_those_of_the_native_file(layout: str, case, tmp_path) -> None:
    own = case.make(tmp_path / "own")
    convert_files([case.features], tmp_path / layout, ConvertOptions(layout)).check()
    for path in (tmp_path / layout).rglob("*.h5"):
        with h5py.File(path, "a") as file:
            del file.attrs[KEPT]
    (foreign,) = (tmp_path / layout).glob(f"{PLACES[layout]}/case 7.h5")
    model = load_model(case.model)
    save_model(case.model, replace(model, spec=replace(model.spec, features=read_kind(foreign))))
    made = replace(case, features=foreign).make(tmp_path / "foreign")
    for one, other in zip(own.scores, made.scores, strict=True):
        assert np.array_equal(one.contribution, other.contribution)
    assert (made.folder / "scores.csv").read_bytes() == (own.folder / "scores.csv").read_bytes()
    assert (made.folder / "raw-MSI.png").read_bytes() == (own.folder / "raw-MSI.png").read_bytes()


def test_tiles_whose_place_nobody_knows_are_refused(case, tmp_path) -> None:
    convert_files([case.features], tmp_path / "stamp", ConvertOptions("stamp")).check()
    (foreign,) = (tmp_path / "stamp").rglob("*.h5")
    with h5py.File(foreign, "a") as file:
        for name in (KEPT, "unit", "tile_size_um"):
            del file.attrs[name]
    model = load_model(case.model)
    save_model(case.model, replace(model, spec=replace(model.spec, features=read_kind(foreign))))
    with pytest.raises(InputError, match=r"does not say .*--tile-um.*--coords-unit"):
        replace(case, features=foreign).make(tmp_path / "out")
