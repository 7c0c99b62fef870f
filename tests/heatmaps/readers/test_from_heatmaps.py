"""What ``heatmap`` writes is what a kit is made from."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from heatmaps.readers.blinding.verify import verify_kit
from heatmaps.readers.kit.key import read_key
from heatmaps.slide.options import Options
from tests.heatmaps.readers.template_studies import make_assistance, make_preference


def purple_centre(data):
    """The centre of the strongest purple in shares of the slide, which fills the square's width."""
    with Image.open(io.BytesIO(data)) as picture:
        red_green_blue = np.asarray(picture.convert("RGB"), float)
    pixels = red_green_blue[..., 2] - red_green_blue[..., 1]
    rows, columns = np.nonzero(pixels > np.percentile(pixels, 98))
    height = pixels.shape[0] * 450 / 600
    return columns.mean() / pixels.shape[1], (rows.mean() - (pixels.shape[0] - height) / 2) / height


@pytest.fixture(scope="module")
def heatmaps(shared_case, tmp_path_factory):
    """Folders of one slide by two methods."""
    out = tmp_path_factory.mktemp("heatmaps")
    methods = ("contribution", "single")
    return {method: shared_case.make(out / method, options=Options(method=method)).folder for method in methods}


def test_two_methods_of_one_slide_are_a_pair_that_shows_each_where_it_points(heatmaps, shared_case, tmp_path):
    pairs = make_preference(tmp_path / "study")
    pairs.change("field_um = 3000.0", f'slides = "{shared_case.slide.parent.as_posix()}"')
    pairs.change("picture_px = 120", "picture_px = 400")
    pairs.change("repeats = 0.2", "repeats = 0.0")
    row = {
        "slide": shared_case.slide.name,
        "method_a": "shares-of-the-logit",
        "method_b": "tile-alone",
        "target": "MSI",
    }
    for name, method in (("a", "contribution"), ("b", "single")):
        row[f"scores_{name}"] = str(heatmaps[method] / "scores.csv")
    pairs.write_rows([row, row | {"target": "BRAF"}])
    built = pairs.build(tmp_path / "out")
    key, _ = read_key(built.key)
    assert verify_kit(built.kits[0], built.key).leaks == []
    # Tiles at (160..256, 128..224) speak for MSI, those at (352..448, 224..320) for BRAF; of 600 x 450 px.
    wanted = {"MSI": (208 / 600, 176 / 450), "BRAF": (400 / 600, 272 / 450)}
    with zipfile.ZipFile(built.kits[0]) as archive:
        for one in key.showings["R1"]:
            for side in ("left", "right"):
                found = purple_centre(archive.read(f"items/{one.opaque}-{side}.jpg"))
                assert found == pytest.approx(wanted[key.item(one.item).target], abs=0.05)


def test_the_ais_heatmap_of_a_whole_slide_comes_from_its_scores(heatmaps, shared_case, tmp_path):
    cases = make_assistance(tmp_path / "study")
    cases.change("field_um = 3000.0", f'slides = "{shared_case.slide.parent.as_posix()}"')
    row = {"slide": shared_case.slide.name, "scores": str(heatmaps["contribution"] / "scores.csv"), "target": "MSI"}
    cases.write_rows([row | {"ai": "0.83", "truth": "1"}])
    built = cases.build(tmp_path / "out")
    key, _ = read_key(built.key)
    assert key.shapes["item-0001"].side_um == pytest.approx(300)
    assert all(verify_kit(kit, built.key).leaks == [] for kit in built.kits)
    with zipfile.ZipFile(built.kits[0]) as archive:
        final = next(one.opaque for one in key.showings["R1"] if one.reading == "with")
        assert purple_centre(archive.read(f"items/{final}-ai.jpg")) == pytest.approx((208 / 600, 176 / 450), abs=0.05)
        assert "case 7" not in "".join(archive.namelist())
