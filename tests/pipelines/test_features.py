from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.features import Features, describe, read_features, write_features

if TYPE_CHECKING:
    from pathlib import Path


def example(**how: object) -> Features:
    rng = np.random.default_rng(3)
    attrs = describe(slide_size=(5000, 4000), mpp=0.499, encoder="small", dropped={"unreadable": 2}, **how)
    coords = rng.integers(0, 3000, (7, 2)).astype(np.int32)
    return Features("case 1", rng.normal(size=(7, 5)).astype(np.float16), coords, attrs)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    features = example()
    write_features(tmp_path / "f.h5", features)
    read = read_features(tmp_path / "f.h5")
    assert np.array_equal(read.features, features.features)
    assert np.array_equal(read.coords, features.coords)
    assert (read.features.dtype, read.coords.dtype) == (np.float16, np.int32)
    assert (read.slide_id, read.attrs) == (features.slide_id, features.attrs)
    assert read.encoder == "small"
    assert read.tile_px_level0 == pytest.approx(224 * 0.5 / 0.499, abs=0)
    assert (read.tile_um, read.mpp, read.slide_size) == (112.0, 0.499, (5000, 4000))


def test_equal_features_give_equal_bytes(tmp_path: Path) -> None:
    write_features(tmp_path / "one" / "f.h5", example())
    write_features(tmp_path / "two" / "one" / "f.h5", example())
    assert (tmp_path / "one/f.h5").read_bytes() == (tmp_path / "two/one/f.h5").read_bytes()


def test_the_layout_is_a_superset_of_tridents(tmp_path: Path) -> None:
    write_features(tmp_path / "f.h5", example())
    with h5py.File(tmp_path / "f.h5") as file:
        assert file["features"].chunks is None
        assert set(file["features"].attrs) == {"name", "savetodir", "encoder"}
        coords = dict(file["coords"].attrs)
    assert (coords["patch_size"], coords["patch_size_level0"], coords["overlap"]) == (224, 224, 0)
    assert (coords["level0_magnification"], coords["target_magnification"]) == (20, 20)
    assert (coords["level0_width"], coords["level0_height"], coords["name"]) == (5000, 4000, "case 1")
    assert "savetodir" in coords


def test_features_that_do_not_fit_are_not_written(tmp_path: Path) -> None:
    good = example()
    broken = [
        replace(good, coords=good.coords[:-1]),
        replace(good, features=np.full((7, 5), np.inf)),
        replace(good, attrs={name: value for name, value in good.attrs.items() if name != "mpp"}),
    ]
    for features in broken:
        with pytest.raises(ValueError, match="case 1"):
            write_features(tmp_path / "f.h5", features)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kept", [0, 100, 1500])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "f.h5"
    write_features(path, example())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match="not a whole feature file"):
        read_features(path)


def test_what_is_no_feature_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_features(tmp_path / "f.h5")
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["features"] = np.zeros((2, 3))
    with pytest.raises(InputError, match="no feature file of wsi-swarm"):
        read_features(tmp_path / "f.h5")
    write_features(tmp_path / "g.h5", example())
    with h5py.File(tmp_path / "g.h5", "a") as file:
        del file["coords"]
        file["coords"] = np.zeros((3, 2), np.int32)
    with pytest.raises(InputError, match="not a whole feature file"):
        read_features(tmp_path / "g.h5")
