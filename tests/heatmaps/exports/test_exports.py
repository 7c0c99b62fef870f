"""Files of other programs, read back by independent readers and compared with the numbers that they came from."""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import tifffile

from heatmaps.drawing.colours import colour
from heatmaps.exports import EXPORTERS, check_exports
from heatmaps.exports.qupath_script import qupath_script
from heatmaps.methods.attribution import all_contributions
from heatmaps.methods.relevance import TileRelevance
from heatmaps.slide.absent_slide import AbsentSlide
from heatmaps.slide.explained import ExplainedSlide
from heatmaps.slide.options import Options
from models.model_file import load_model, save_model
from pipelines.errors import ConfigError
from pipelines.features import Features, describe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WANTED = ("ome-tiff", "deepzoom", "histomics", "tiatoolbox")


def export(name: str, explained: ExplainedSlide) -> dict[str, bytes]:
    return dict(EXPORTERS[name](explained, 0, "MSI"))


def pixels(data: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGB)


@pytest.fixture
def explain(tmp_path: Path, make_model) -> Callable[[Features], ExplainedSlide]:
    def make(features: Features) -> ExplainedSlide:
        save_model(tmp_path / "m.safetensors", make_model())
        model = load_model(tmp_path / "m.safetensors")
        scores = tuple(all_contributions(model, features))
        return ExplainedSlide(AbsentSlide(features), model, features, scores, Options())

    return make


@pytest.fixture
def drawn(explain, make_features) -> ExplainedSlide:
    return explain(make_features("case 7")[0])


@pytest.fixture
def huge(explain) -> ExplainedSlide:
    """120,000 x 90,000 px, with tiles in its corners and middle, at a step that is no whole number of px."""
    size, mpp = (120_000, 90_000), 0.2479
    attrs = describe(slide_size=size, mpp=mpp, tile_px=224, encoder="planted", encoder_card_sha256="ab" * 32)
    step = 224 * 0.5 / mpp
    columns, rows = int(size[0] / step) - 1, int(size[1] / step) - 1
    places = [(0, 0), (columns, 0), (0, rows), (columns, rows), (columns // 2, rows // 2)]
    coords = np.rint(np.array(places) * step).astype(np.int32)
    vectors = np.random.default_rng(1).uniform(0, 1, (len(coords), 4)).astype(np.float16)
    return explain(Features("huge", vectors, coords, attrs))


def test_ome_tiff_holds_every_number_where_its_tile_lies(drawn) -> None:
    data = export("ome-tiff", drawn)["heatmap-MSI.ome.tif"]
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        values = file.series[0].asarray()
        pixel = ElementTree.fromstring(file.ome_metadata).find(".//{*}Pixels")
    assert pixel is not None
    assert values.dtype == np.float32
    assert float(pixel.attrib["PhysicalSizeX"]) == float(pixel.attrib["PhysicalSizeY"]) == 32 * 0.5
    names = [channel.attrib["Name"] for channel in pixel.findall("{*}Channel")]
    assert names == ["MSIH contribution (log-odds)", "MSIH attention (x uniform)"]
    column, row = (drawn.features.coords // 32).T
    one = drawn.scores[0]
    for channel, measure in enumerate(one.measures):
        np.testing.assert_array_equal(values[channel, row, column], measure.values.astype(np.float32))
    assert np.isfinite(values[0]).sum() == len(column)


def test_ome_tiff_is_a_pyramid_of_true_numbers_that_covers_the_slide(huge) -> None:
    data = export("ome-tiff", huge)["heatmap-MSI.ome.tif"]
    assert data == export("ome-tiff", huge)["heatmap-MSI.ome.tif"]
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        levels = [level.asarray() for level in file.series[0].levels]
        pixel = ElementTree.fromstring(file.ome_metadata).find(".//{*}Pixels")
    assert pixel is not None
    assert len(levels) > 1
    for larger, smaller in pairwise(levels):
        np.testing.assert_array_equal(smaller, larger[:, ::2, ::2])
    step_um = float(pixel.attrib["PhysicalSizeX"])
    found = np.argwhere(np.isfinite(levels[0][0]))[:, ::-1] * step_um / huge.slide.mpp
    expected = huge.features.coords[np.lexsort(huge.features.coords.T)]
    assert np.abs(found[np.lexsort(found.T)] - expected).max() < 1


def test_deep_zoom_has_every_tile_of_every_level_and_the_colours_of_the_numbers(drawn) -> None:
    files = export("deepzoom", drawn)
    assert next(iter(files)) == "deepzoom-MSI.dzi"
    root = ElementTree.fromstring(files.pop("deepzoom-MSI.dzi"))
    size = root.find("{*}Size")
    assert size is not None
    width, height, side = int(size.attrib["Width"]), int(size.attrib["Height"]), int(root.attrib["TileSize"])
    assert width / height == pytest.approx(600 / 450, abs=1 / height)
    top = int(np.ceil(np.log2(max(width, height))))
    for level in range(top + 1):
        across, down = (int(np.ceil(length / 2 ** (top - level))) for length in (width, height))
        picture = np.zeros((down, across, 4), np.uint8)
        for row in range(-(-down // side)):
            for column in range(-(-across // side)):
                tile = pixels(files.pop(f"deepzoom-MSI_files/{level}/{column}_{row}.png"))
                picture[row * side : row * side + tile.shape[0], column * side : column * side + tile.shape[1]] = tile
    assert files == {}
    middle = ((drawn.features.coords + 16) * width / 600).astype(int)
    expected = colour(drawn.scores[0].values, drawn.scales[0].clip)
    np.testing.assert_array_equal(picture[middle[:, 1], middle[:, 0], :3], expected)
    assert (picture[middle[:, 1], middle[:, 0], 3] == 255).all()
    assert picture[0, 0, 3] == 0


@pytest.mark.parametrize("name", ["deepzoom", "tiatoolbox"])
def test_a_layer_of_a_huge_slide_drifts_less_than_a_pixel_and_stays_small(huge, name: str) -> None:
    files = export(name, huge)
    if name == "deepzoom":
        root = ElementTree.fromstring(files["deepzoom-MSI.dzi"])
        size = root.find("{*}Size")
        assert size is not None
        width, height = int(size.attrib["Width"]), int(size.attrib["Height"])
        last = max((path for path in files if path.endswith(".png")), key=lambda path: int(path.split("/")[1]))
        level = last.split("/")[1]
        column, row = (width - 1) // 256, (height - 1) // 256
        corner = pixels(files[f"deepzoom-MSI_files/{level}/{column}_{row}.png"])
        covered = np.argwhere(corner[..., 3] > 0)[:, ::-1] + np.array([column * 256, row * 256])
    else:
        picture = pixels(files["tiatoolbox-MSI-huge.png"])
        height, width = picture.shape[:2]
        covered = np.argwhere(picture.any(axis=2))[:, ::-1]
    assert max(width, height) <= 4096
    scale = width / 120_000
    end = (huge.features.coords.max(axis=0) + huge.features.tile_px_level0) * scale
    assert np.abs(covered.max(axis=0) + 1 - end).max() < 1


def test_tiatoolbox_finds_the_slide_by_the_name_and_black_is_no_tile(drawn) -> None:
    ((name, data),) = export("tiatoolbox", drawn).items()
    assert drawn.slide.id in name
    picture = pixels(data)
    assert picture.shape[1] / picture.shape[0] == pytest.approx(600 / 450, abs=0.01)
    black = ~picture.any(axis=2)
    tiles = cv2.resize((~np.isnan(drawn.on_grid(drawn.scores[0]))).astype(np.uint8), (0, 0), fx=16, fy=16)
    assert black.mean() == pytest.approx(1 - tiles[: picture.shape[0], : picture.shape[1]].mean(), abs=0.01)


def test_histomics_gets_one_griddata_element_in_level_0_px(drawn) -> None:
    document = json.loads(export("histomics", drawn)["histomics-MSI.json"])
    (element,) = document["elements"]
    # The schema refuses any property that it does not know.
    known = "type interpretation gridWidth origin dx dy colorRange rangeValues normalizeRange minColor maxColor values"
    assert set(element) == set(known.split())
    assert len(element["colorRange"]) == len(element["rangeValues"])
    assert all(re.fullmatch(r"rgb\(\d+, \d+, \d+\)", one) for one in element["colorRange"])
    values = np.array(element["values"])
    assert len(values) % element["gridWidth"] == 0
    x, y = (drawn.features.coords + 16 - np.array(element["origin"][:2])).T / element["dx"]
    found = values[(y * element["gridWidth"] + x).astype(int)]
    np.testing.assert_allclose(found, drawn.scores[0].values, rtol=1e-5)
    assert np.count_nonzero(values) == len(found)


def whole(folder: Path) -> dict[str, dict[str, str]]:
    """The exports of the sidecar, every hash checked."""
    exports = json.loads((folder / "heatmap.json").read_text("utf-8")).get("exports", {})
    for files in exports.values():
        for file, digest in files.items():
            assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == digest
    return exports


def test_another_export_neither_redoes_nor_loses_what_is_there(case, tmp_path: Path) -> None:
    first = case.make(tmp_path, exports=["histomics"])
    before = {path: path.stat().st_ino for path in first.folder.iterdir() if path.name != "heatmap.json"}
    second = case.make(tmp_path, exports=["ome-tiff", "deepzoom"])
    assert second.reused
    assert all(path.stat().st_ino == inode for path, inode in before.items())
    assert set(whole(first.folder)) == {"histomics", "ome-tiff", "deepzoom"}
    names = [path.name for path in second.files]
    assert "deepzoom-BRAF.dzi" in names
    assert "histomics-MSI.json" not in names
    assert case.make(tmp_path).reused
    assert set(whole(first.folder)) == {"histomics", "ome-tiff", "deepzoom"}


def test_an_export_that_was_harmed_is_made_again(case, tmp_path: Path) -> None:
    folder = case.make(tmp_path, exports=["histomics", "ome-tiff"]).folder
    (folder / "histomics-MSI.json").write_text("{}")
    (folder / "scores.csv").write_text("")
    assert not case.make(tmp_path, exports=["histomics"]).reused
    assert set(whole(folder)) == {"histomics", "ome-tiff"}
    assert json.loads((folder / "histomics-MSI.json").read_text())["elements"]


def test_what_another_model_exported_does_not_stay(case, make_model, tmp_path: Path, capsys) -> None:
    folder = case.make(tmp_path, exports=["deepzoom", "histomics"]).folder
    save_model(case.model, make_model(bias=0.7))
    case.make(tmp_path, exports=["histomics"])
    assert "the export deepzoom in" in capsys.readouterr().err
    assert set(whole(folder)) == {"histomics"}
    assert not list(folder.rglob("deepzoom*.png"))
    assert not (folder / "deepzoom-MSI.dzi").exists()


@pytest.mark.parametrize(
    ("name", "sentence"), [("dicom", "needs a DICOM slide"), ("omero", "known are ome-tiff, deepzoom")]
)
def test_what_cannot_be_exported_is_refused_before_anything_is_made(case, name: str, sentence, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=sentence):
        case.make(tmp_path / "out", exports=[name])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["deepzoom", "tiatoolbox"])
def test_a_picture_of_a_whole_slide_of_unknown_size_is_refused(drawn, name: str) -> None:
    """As of features by STAMP without the slide."""
    features = replace(drawn.features, attrs={**drawn.features.attrs, "size_origin": "tiles"})
    with pytest.raises(ConfigError, match=f"--export {name} covers the whole slide"):
        check_exports(["ome-tiff", name], drawn.slide, features)
    check_exports(["ome-tiff", "histomics"], drawn.slide, features)
    assert "def size = [600, 450]" in qupath_script(drawn, ["MSI", "BRAF"])
    assert "def size = null" in qupath_script(replace(drawn, features=features), ["MSI", "BRAF"])


def test_the_script_names_what_lies_beside_it(made) -> None:
    script = (made.folder / "open-in-qupath.groovy").read_text("utf-8")
    assert "@" not in script
    assert str(made.folder) not in script
    maps = re.findall(r"file: '(.*?)', measurement: '(.*?)', low: (.*?)d, high: (.*?)d\]", script)
    assert len(maps) == 2
    facts = json.loads((made.folder / "heatmap.json").read_text("utf-8"))
    for (file, measurement, low, high), target in zip(maps, facts["targets"], strict=True):
        tiles = json.loads((made.folder / file).read_text("utf-8"))["features"]
        assert all(measurement in tile["properties"]["measurements"] for tile in tiles)
        assert -float(low) == float(high) == target["scale"]["clip"]
    for opening, closing in ("()", "[]", "{}"):
        assert script.count(opening) == script.count(closing)


def test_a_label_cannot_leave_its_string_in_the_script(drawn) -> None:
    label = "o'clock ${1} \\ Ü @R@"
    one = drawn.scores[0]
    odd = TileRelevance("MSI", label, one.values, one.logit, one.probability, "contribution", "log-odds")
    script = qupath_script(replace(drawn, scores=(odd,)), ["MSI"])
    (measurement,) = re.findall(r"measurement: '([^']*)',", script)
    assert measurement.encode("ascii").decode("unicode_escape") == odd.label + " contribution (log-odds)"
