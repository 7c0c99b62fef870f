"""Training, predicting and evaluating on features of TRIDENT, STAMP and CLAM as they are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pandas as pd
import pytest

from models.bags import load_bag
from models.cohort import Patient
from models.cohorts.features import common_kind
from models.feature_kind import FeatureKind, find_feature_file, read_kind
from models.model_file import load_model
from pipelines.errors import ConfigError, InputError
from pipelines.features.content import KEPT
from pipelines.features.convert import ConvertOptions, convert_files
from wsi_swarm.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOLDERS = {"trident": "20x_224px_0px_overlap/features_toy", "stamp": "toy", "clam": "h5_files"}
SMALL = ("--hidden", 8, "--attention", 4, "--seed", 7, "--rounds", 2)


def forget(folder: Path) -> None:
    """Take out what only this software writes, so that files are as those of the others."""
    for path in folder.rglob("*.h5"):
        with h5py.File(path, "a") as file:
            file.attrs.pop(KEPT, None)


def converted(centre, out: Path, layout: str, *, as_others: bool) -> Path:
    convert_files([centre.features], out, ConvertOptions(layout)).check()
    if as_others:
        forget(out)
    return out / FOLDERS[layout]


@pytest.fixture
def wsi_swarm(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["wsi-swarm", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capfd.readouterr().err

    return run


def test_folders_of_others_train_and_predict_as_the_native_one(
    planted_centre: Callable, tmp_path: Path, wsi_swarm
) -> None:
    centre = planted_centre("A", 12, 1)
    folders = {"native": centre.features}
    for layout in FOLDERS:
        folders[layout] = converted(centre, tmp_path / "foreign" / layout, layout, as_others=True)
    for name, features in folders.items():
        given = ("--slides", centre.slides, "--features", features)
        model = tmp_path / f"{name}.safetensors"
        code, problem = wsi_swarm("train", "--clini", centre.clini, *given, "--target", "MSI", "--out", model, *SMALL)
        assert code == 0, problem
        assert wsi_swarm("predict", "--model", model, *given, "--out", tmp_path / f"{name}.csv")[0] == 0
        assert (tmp_path / f"{name}.csv").read_bytes() == (tmp_path / "native.csv").read_bytes()
        assert load_model(model).spec.features == read_kind(next(features.glob("*.h5")))
    assert len(pd.read_csv(tmp_path / "native.csv")) == 12
    code, _ = wsi_swarm(
        "evaluate", "--predictions", tmp_path / "clam.csv", "--clini", centre.clini, "--target", "MSI",
        "--out", tmp_path / "scores",
    )  # fmt: skip
    assert code == 0


def test_what_was_converted_here_has_kept_its_kind(planted_centre: Callable, tmp_path: Path, wsi_swarm) -> None:
    centre = planted_centre("A", 6, 1)
    model = tmp_path / "native.safetensors"
    tables = ("--clini", centre.clini, "--slides", centre.slides)
    assert wsi_swarm("train", *tables, "--features", centre.features, "--target", "MSI", "--out", model, *SMALL)[0] == 0
    given = ("predict", "--model", model, "--slides", centre.slides, "--features")
    assert wsi_swarm(*given, centre.features, "--out", tmp_path / "native.csv")[0] == 0
    kept = converted(centre, tmp_path / "kept", "stamp", as_others=False)
    assert wsi_swarm(*given, kept, "--out", tmp_path / "kept.csv")[0] == 0
    assert (tmp_path / "kept.csv").read_bytes() == (tmp_path / "native.csv").read_bytes()
    foreign = converted(centre, tmp_path / "foreign", "stamp", as_others=True)
    code, problem = wsi_swarm(*given, foreign, "--out", "-")
    assert (code, "card unknown" in problem) == (4, True)


def test_kinds_of_other_layouts(planted_centre: Callable, tmp_path: Path) -> None:
    centre = planted_centre("A", 2, 1)
    kinds = {}
    for layout in FOLDERS:
        folder = converted(centre, tmp_path / layout, layout, as_others=True)
        kinds[layout] = read_kind(next(folder.glob("*.h5")))
    assert kinds["stamp"] == FeatureKind("toy", "", "", 16, 112.0, 0.5)
    assert kinds["trident"] == FeatureKind("toy", "", "", 16, 112.0, 0.5)
    assert kinds["clam"] == FeatureKind("unknown", "", "", 16, 0.0, 0.0)
    assert "tiles of a size not stated" in str(kinds["clam"])
    native, clam = (next(folder.rglob("*.h5")) for folder in (centre.features, tmp_path / "clam/h5_files"))
    with pytest.raises(ConfigError, match="can't be mixed"):
        common_kind([native, clam])
    with pytest.raises(InputError, match="holds tiles and no features"):
        read_kind(next((tmp_path / "clam/patches").glob("*.h5")))


def test_tiles_by_magnification_are_one_kind_at_every_mpp(tables, tmp_path: Path) -> None:
    for name, mpp in (("a", 0.2431), ("b", 0.2631)):
        tables.slide(name)
        convert_files([tables.features / f"{name}.h5"], tmp_path / "t", ConvertOptions("trident")).check()
        with h5py.File(tmp_path / "t" / FOLDERS["trident"] / f"{name}.h5", "a") as file:
            file.attrs.pop(KEPT)
            file["coords"].attrs["level0_width"] = 1000 + round(1000 * mpp)
    paths = sorted((tmp_path / "t" / FOLDERS["trident"]).glob("*.h5"))
    assert common_kind(paths).tile_um == 112


def test_where_feature_files_are_looked_for(tmp_path: Path) -> None:
    for name in ("flat.h5", "sub/deep.h5", "tensor.pt"):
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).touch()
    (tmp_path / "outside.h5").touch()
    folder = tmp_path / "f"
    assert find_feature_file(folder, "any/flat.svs") == (folder / "flat.h5", True)
    assert find_feature_file(folder, "sub/deep.h5") == (folder / "sub/deep.h5", True)
    assert find_feature_file(folder, "sub\\deep.svs") == (folder / "sub/deep.h5", True)
    assert find_feature_file(folder, "tensor") == (folder / "tensor.pt", True)
    assert find_feature_file(folder, "deep") == (folder / "deep.h5", False)
    assert find_feature_file(folder, "../outside.h5") == (folder / "outside.h5", False)


def test_float32_that_float16_cannot_hold_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["feats"], file["coords"] = np.full((2, 3), 1e5, np.float32), np.zeros((2, 2), np.int64)
    with pytest.raises(InputError, match=r"float16 ends at 65504"):
        load_bag(Patient("P", (tmp_path / "s.h5",), {}))
