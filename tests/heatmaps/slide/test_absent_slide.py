"""Features alone: layouts of others give a map, or one sentence that says what is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import h5py
import pytest

from heatmaps.making.slide_heatmap import make_heatmap
from models.feature_kind import read_kind
from models.model_file import load_model, save_model
from pipelines.errors import InputError
from pipelines.features import read_features, write_features
from pipelines.features.content import KEPT
from pipelines.features.convert import ConvertOptions, convert_files

if TYPE_CHECKING:
    from pathlib import Path

PLACES = {
    "trident": "20x_32px_0px_overlap/features_*/case 7.h5",
    "stamp": "*/case 7.h5",
    "clam": "h5_files/case 7.h5",
    "clam pt": "pt_files/case 7.pt",
}


def foreign(case, folder: Path, layout: str) -> Path:
    """The case's features in a layout of others, without what we would have kept beside; the model reads them."""
    name = layout.split()[0]
    convert_files([case.features], folder / name, ConvertOptions(name)).check()
    for path in (folder / name).rglob("*.h5"):
        with h5py.File(path, "a") as file:
            file.attrs.pop(KEPT, None)
    (found,) = (folder / name).glob(PLACES[layout])
    model = load_model(case.model)
    save_model(case.model, replace(model, spec=replace(model.spec, features=read_kind(found))))
    return found


@pytest.mark.parametrize("layout", PLACES)
def test_with_the_resolution_tiles_lie_where_they_lie_on_the_slide(layout: str, case, tmp_path: Path) -> None:
    own = case.make(tmp_path / "own")
    path = foreign(case, tmp_path, layout)
    with pytest.raises(InputError, match="does not say the µm per level-0 px; give --slide-mpp"):
        make_heatmap(None, load_model(case.model), path, tmp_path / "out")
    made = make_heatmap(None, load_model(case.model), path, tmp_path / "out", slide_mpp=0.5)
    assert (made.folder / "scores.csv").read_bytes() == (own.folder / "scores.csv").read_bytes()
    tiles, others = (
        json.loads((folder / "qupath-MSI.geojson").read_text())["features"] for folder in (made.folder, own.folder)
    )
    assert [one["geometry"] for one in tiles] == [one["geometry"] for one in others]
    facts = json.loads((made.folder / "heatmap.json").read_text())["slide"]
    assert facts["mpp_origin"] == "given"
    if layout == "stamp":  # which does not say how large the slide is
        coords = read_features(case.features).coords
        assert facts["size_origin"] == "tiles"
        assert [facts["width"], facts["height"]] == (coords.max(axis=0) + 32).tolist()
    else:
        assert (facts["width"], facts["height"]) == (600, 450)


def test_another_resolution_than_the_files_is_refused(case, tmp_path: Path) -> None:
    assert make_heatmap(None, load_model(case.model), case.features, tmp_path / "out", slide_mpp=0.5).files
    with pytest.raises(InputError, match="leave --slide-mpp out"):
        make_heatmap(None, load_model(case.model), case.features, tmp_path / "out", slide_mpp=0.25)


def test_vectors_without_places_are_refused(case, tmp_path: Path) -> None:
    path = foreign(case, tmp_path, "clam pt")
    (tmp_path / "clam" / "h5_files" / "case 7.h5").unlink()
    with pytest.raises(InputError, match=r"does not say .*where its tiles lie"):
        make_heatmap(None, load_model(case.model), path, tmp_path / "out", slide_mpp=0.5)


def test_a_slide_whose_name_is_a_path_writes_nothing_elsewhere(case, tmp_path: Path) -> None:
    write_features(case.features, replace(read_features(case.features), slide_id="../../elsewhere"))
    with pytest.raises(InputError, match="no name of a folder"):
        make_heatmap(None, load_model(case.model), case.features, tmp_path / "a" / "b" / "out")
    assert not (tmp_path / "a").exists()
