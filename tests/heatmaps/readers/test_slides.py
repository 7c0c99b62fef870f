"""Items that are places on slides."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from heatmaps.readers.blinding.verify import verify_kit
from heatmaps.readers.kit.build import example_study
from heatmaps.readers.kit.key import read_key
from pipelines.errors import ConfigError
from pipelines.slides import open_slide
from tests.heatmaps.readers.template_studies import make_preference, score_table

COLUMNS = ("slide", "x", "y", "group", "patient")


@pytest.fixture
def of_slide(study, draw):
    """The study with tiles of 32 um of a drawn slide; the last one lies in the slide's corner."""
    (study.folder / "slides").mkdir()
    draw(study.folder / "slides" / "B2026-4711.tif")
    study.change("frame = 0.5\nfield_um = 200.0", 'slides = "slides"\ntile_um = 32.0\nsurroundings = 0.5')
    places = [(160 + 64 * (n % 5), 128 + 64 * (n // 5), "top" if n % 2 else "low") for n in range(9)]
    with (study.folder / "items.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(("B2026-4711.tif", x, y, group, "PAT-7001") for x, y, group in [*places, (0, 0, "low")])
    return study


def test_a_tile_is_shown_with_its_surroundings_in_the_middle_of_the_picture(of_slide, tmp_path):
    built = of_slide.build(tmp_path / "out")
    key, _ = read_key(built.key)
    with zipfile.ZipFile(built.kits[0]) as archive, open_slide(of_slide.folder / "slides" / "B2026-4711.tif") as slide:
        for one in key.showings["R1"]:
            item = key.item(one.item)
            with Image.open(io.BytesIO(archive.read(f"items/{one.opaque}.jpg"))) as picture:
                shown = np.asarray(picture, float)
            # 64 px of the slide are 32 um; with half of it on each side 128 px become 96.
            tile = slide.read_region(item.x, item.y, 64, 64, (48, 48)).astype(float)
            middle = shown[24:72, 24:72]
            assert np.abs(middle - tile).mean() < 8
            if (item.x, item.y) == (0, 0):
                assert (shown[:20] > 250).all()  # there is no slide: glass, and the tile stays where the frame is
        page = archive.read("index.html").decode()
    assert '"frame": 0.5' in page
    assert '"field_um": 64.0' in page


def test_the_kit_of_a_slide_is_blinded(of_slide, tmp_path):
    built = of_slide.build(tmp_path / "out")
    proof = verify_kit(built.kits[0], built.key)
    assert proof.leaks == []
    assert proof.names > 10


def test_a_place_outside_of_the_slide_is_refused(of_slide, tmp_path):
    with (of_slide.folder / "items.csv").open("a", newline="") as file:
        csv.writer(file).writerow(("B2026-4711.tif", 4000, 10, "low", ""))
    with pytest.raises(ConfigError, match=r"item-0011: x=4000, y=10 lies outside of B2026-4711.tif"):
        of_slide.build(tmp_path / "out")


def test_a_slide_that_would_be_blurred_is_refused_with_the_size_that_works(of_slide, tmp_path):
    of_slide.change("picture_px = 96", "picture_px = 140")
    with pytest.raises(ConfigError, match=r"B2026-4711.tif has 0.5 um per px, coarser than .* items.picture_px to 128"):
        of_slide.build(tmp_path / "out")
    of_slide.change("picture_px = 140", "picture_px = 128")
    assert of_slide.build(tmp_path / "out").kits


@pytest.mark.real
def test_a_real_slide_with_two_score_tables_gives_blinded_pairs(real_data, tmp_path):
    pairs = make_preference(tmp_path / "study")
    pairs.file.write_text(
        example_study("heatmap-preference")
        .replace('slides = "slides"', f'slides = "{(real_data / "wsi").as_posix()}"')
        .replace("repeats = 0.1", "repeats = 0.0"),
        "utf-8",
    )
    tiles = np.arange(30.0)
    row = {
        "slide": "CMU-1-Small-Region.svs",
        "scores_a": score_table(pairs.folder / "one" / "scores.csv", tiles, 400, 5),
        "scores_b": score_table(pairs.folder / "other" / "scores.csv", tiles[::-1], 400, 5),
        "target": "MSI",
        "method_a": "heron-method",
        "method_b": "zebra-method",
    }
    pairs.write_rows([row])
    built = pairs.build(tmp_path / "out")
    key, _ = read_key(built.key)
    shape = key.shapes["item-0001"]
    # 2220 x 2967 px at 0.499 um.
    assert shape.side_um == pytest.approx(2967 * 0.499, rel=1e-3)
    assert (shape.width, shape.height) == (pytest.approx(2220 / 2967, abs=1e-3), 1.0)
    for kit in built.kits:
        assert verify_kit(kit, built.key).leaks == []
        assert b"CMU-1" not in kit.read_bytes()


@pytest.mark.real
def test_a_real_slide_gives_blinded_kits_at_the_examples_size(study, real_data, tmp_path):
    slides = (real_data / "wsi").as_posix()
    told = example_study().replace('slides = "slides"', f'slides = "{slides}"')
    study.file.write_text(told, "utf-8")
    with (study.folder / "items.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for n in range(12):
            place = (150 + n % 4 * 500, 300 + n // 4 * 700)
            writer.writerow(("CMU-1-Small-Region.svs", *place, "top" if n % 2 else "low", f"PX-{n:04d}"))
    built = study.build(tmp_path / "out")
    for kit in built.kits:
        assert verify_kit(kit, built.key).leaks == []
        assert b"CMU-1" not in kit.read_bytes()
