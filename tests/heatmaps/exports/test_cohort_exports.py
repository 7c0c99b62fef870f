"""Exports of a cohort: each slide's beside it, and a later one does not explain what is there again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import h5py
import pytest

from heatmaps.making.cohort_run import explain_cohort, load_models
from heatmaps.making.cohort_slides import find_cohort
from heatmaps.slide.options import Options
from models.feature_kind import read_kind
from models.model_file import load_model, save_model
from pipelines.errors import ConfigError
from pipelines.features import write_features
from pipelines.features.content import KEPT
from pipelines.features.convert import ConvertOptions, convert_files

if TYPE_CHECKING:
    from pathlib import Path


def test_every_slide_of_a_cohort_gets_its_exports(case, make_features, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_features(tmp_path / "cohort" / f"{name}.h5", make_features(name)[0])
    models = load_models([case.model], tmp_path / "out")
    slides = find_cohort(tmp_path / "cohort", None, None)

    def run(*exports: str) -> list[str]:
        return [one.state for one in explain_cohort(slides, models, ["MSI"], None, Options(), exports=exports)]

    assert run("histomics") == ["made", "made"]
    assert run("ome-tiff") == ["reused", "reused"]
    for name in ("a", "b"):
        folder = tmp_path / "out" / name
        assert set(json.loads((folder / "heatmap.json").read_text())["exports"]) == {"histomics", "ome-tiff"}
        assert (folder / "histomics-MSI.json").is_file()
    # None of these slides is DICOM: that is told of each, and what is there stays.
    assert run("dicom") == ["failed", "failed"]
    assert (tmp_path / "out" / "a" / "heatmap-MSI.ome.tif").is_file()
    with pytest.raises(ConfigError, match="--export omero is unknown"):
        run("omero")


def test_a_slide_of_unknown_size_gets_numbers_and_no_picture_of_the_whole(case, tmp_path: Path) -> None:
    """Features of STAMP say neither the slide's size nor its resolution."""
    convert_files([case.features], tmp_path / "stamp", ConvertOptions("stamp")).check()
    (foreign,) = (tmp_path / "stamp").rglob("*.h5")
    with h5py.File(foreign, "a") as file:
        del file.attrs[KEPT]
    model = load_model(case.model)
    save_model(case.model, replace(model, spec=replace(model.spec, features=read_kind(foreign))))
    models = load_models([case.model], tmp_path / "out")
    slides = find_cohort(foreign.parent, None, None)

    def reasons(*exports: str) -> list[str]:
        return [one.reason for one in explain_cohort(slides, models, ["MSI"], 0.5, Options(), exports=exports)]

    assert "neither features nor slide tell the size of case 7" in reasons("deepzoom")[0]
    assert reasons("ome-tiff", "histomics") == [""]
    assert "def size = null" in (tmp_path / "out" / "case 7" / "open-in-qupath.groovy").read_text()
