"""Pairs of heatmaps: drawn alike, opaque, and named again only by the import."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from heatmaps.readers.answers.import_answers import import_answers
from heatmaps.readers.blinding.verify import verify_kit
from heatmaps.readers.kit.archive import manifest, zip_bytes
from heatmaps.readers.kit.build import example_study
from heatmaps.readers.kit.drawn_scores import percentiles
from heatmaps.readers.kit.key import read_key
from heatmaps.readers.kit.study_file import TEMPLATES, read_study_file
from pipelines.errors import ConfigError
from tests.heatmaps.readers.answering import answers_with, write_answers
from tests.heatmaps.readers.template_studies import COLOURS, TISSUE, make_preference, score_table


def pixels(data):
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"), float)


@pytest.fixture
def pairs(tmp_path):
    return make_preference(tmp_path / "study")


@pytest.fixture
def built(pairs, tmp_path):
    return pairs.build(tmp_path / "out")


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_has_an_example_that_is_a_study_file(tmp_path, template):
    (tmp_path / "study.toml").write_text(example_study(template), "utf-8")
    assert read_study_file(tmp_path / "study.toml").template == template


def test_an_unknown_template_is_refused_with_those_that_there_are():
    with pytest.raises(ConfigError, match=r"no template pairs; there are tile-plausibility, heatmap-preference, ai"):
        example_study("pairs")


def test_the_kit_holds_tissue_and_both_heatmaps_on_the_sides_that_the_key_says(built):
    key, _ = read_key(built.key)
    with zipfile.ZipFile(built.kits[0]) as archive:
        for one in key.showings["R1"]:
            item = key.item(one.item)
            methods = {"left": item.method_a, "right": item.method_b}
            if one.left == "b":
                methods = {"left": item.method_b, "right": item.method_a}
            shown = {name: pixels(archive.read(f"items/{one.opaque}{name}.jpg")) for name in ("", "-left", "-right")}
            for name, colour in (("", TISSUE), *((f"-{side}", COLOURS[name]) for side, name in methods.items())):
                # 180 x 120 px fill two thirds of the square, in its middle.
                assert shown[name].shape == (120, 120, 3)
                assert np.abs(shown[name][25:95].mean((0, 1)) - colour).max() < 6
                assert shown[name][:15].min() > 240


def test_the_kits_are_blinded_and_say_that_the_order_does_not_tell_the_side(built):
    for kit in built.kits:
        proof = verify_kit(kit, built.key)
        assert proof.leaks == []
        assert any("on the left" in one.group for one in proof.predictions)
        with zipfile.ZipFile(kit) as archive:
            for name in archive.namelist():
                assert b"heron" not in archive.read(name)
                assert b"zebra" not in archive.read(name)


@pytest.mark.parametrize("name", ["heron-method", "zebra_method", "heron-method-3", "PAT-7002", "B2026-4001"])
def test_a_planted_name_is_found(built, name):
    with zipfile.ZipFile(built.kits[0]) as archive:
        files = {path: archive.read(path) for path in archive.namelist() if path != "MANIFEST.sha256"}
    files["index.html"] = files["index.html"].replace(b"</body>", f"<!-- {name} -->\n</body>".encode())
    built.kits[0].write_bytes(zip_bytes(files | {"MANIFEST.sha256": manifest(files)}))
    leaks = " | ".join(leak.sentence for leak in verify_kit(built.kits[0], built.key).leaks)
    assert name.replace("_", "-") in leaks


def test_exchanged_sides_are_found(built):
    key, _ = read_key(built.key)
    with zipfile.ZipFile(built.kits[0]) as archive:
        files = {path: archive.read(path) for path in archive.namelist() if path != "MANIFEST.sha256"}
    one = next(one for one in key.showings["R1"] if not one.again and not one.training)
    left, right = f"items/{one.opaque}-left.jpg", f"items/{one.opaque}-right.jpg"
    files[left], files[right] = files[right], files[left]
    built.kits[0].write_bytes(zip_bytes(files | {"MANIFEST.sha256": manifest(files)}))
    assert "holds other pictures or texts" in verify_kit(built.kits[0], built.key).leaks[0].sentence


def test_the_table_names_the_methods_again(built, tmp_path):
    def values(key, one):
        """Left 4, right 2, and left preferred; the second showing is equal, and right cannot be judged."""
        plausible = {"plausible.left": 4, "plausible.right": "cannot_judge" if one.again else 2}
        return plausible | {"prefer": "equal" if one.again else "left"}

    files = [write_answers(tmp_path / f"{reader}.json", answers_with(built, reader, values)) for reader in ("R1", "R2")]
    assert import_answers(files, built.key, tmp_path / "t.csv").summary["complete"]
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    key, _ = read_key(built.key)
    side = {(r, one.item, one.again): one.left for r, order in key.showings.items() for one in order}
    assert len(rows) == 2 * (6 + 1) * 3
    for row in rows:
        again = bool(row["repeat_of"])
        item = key.item(row["repeat_of"] or row["item"])
        left, right = item.method_a, item.method_b
        if side[row["reader"], item.item, again] == "b":
            left, right = right, left
        assert (row["left"], row["right"]) == (left, right)
        wanted = {"prefer": "equal" if again else left, f"plausible.{left}": "4"}
        wanted[f"plausible.{right}"] = "cannot_judge" if again else "2"
        assert row["answer"] == wanted[row["question"]]
        assert {row[name] for name in ("session", "reading", "truth", "ai")} == {""}


def test_percentiles_are_ranks_whatever_the_unit_and_ties_share_theirs():
    values = np.array([0.1, 5.0, -3.0, 0.2])
    assert percentiles(values).tolist() == [1 / 3, 1.0, 0.0, 2 / 3]
    assert percentiles(np.exp(values)).tolist() == percentiles(values).tolist()
    assert percentiles(np.array([1.0, 1.0, 2.0])).tolist() == [0.25, 0.25, 1.0]
    assert percentiles(np.array([7.0])).tolist() == [0.0]


@pytest.fixture
def of_slides(pairs, draw):
    """One drawn slide, two score tables that rank its tiles in opposite order and in units far apart."""
    (pairs.folder / "slides").mkdir()
    draw(pairs.folder / "slides" / "B2026-4711.tif", (512, 384))
    tiles = np.arange(48, dtype=float)
    pairs.change("field_um = 3000.0", 'slides = "slides"')
    pairs.change("repeats = 0.2", "repeats = 0.0")
    pairs.write_rows(
        [
            {
                "slide": "B2026-4711.tif",
                "scores_a": score_table(pairs.folder / "rising" / "scores.csv", tiles - 24),
                "scores_b": score_table(pairs.folder / "falling" / "scores.csv", 1e-6 * tiles[::-1]),
                "target": "MSI",
                "method_a": "heron-method",
                "method_b": "zebra-method",
            }
        ]
    )
    return pairs


def test_scores_are_drawn_in_one_way_so_that_colours_tell_the_order_alone(of_slides, tmp_path):
    built = of_slides.build(tmp_path / "out")
    key, _ = read_key(built.key)
    (one,) = key.showings["R1"]
    assert verify_kit(built.kits[0], built.key).leaks == []
    with zipfile.ZipFile(built.kits[0]) as archive:
        a, b = (
            pixels(archive.read(f"items/{one.opaque}-{side}.jpg"))
            for side in (("left", "right") if one.left == "a" else ("right", "left"))
        )
        page = archive.read("index.html").decode()
    # 120 px of width hold 8 tiles: 15 px each, and 6 rows of them in the middle 90 px.
    tiles_a, tiles_b = (
        np.array([[view[15 + 15 * row + 7, 15 * column + 7].sum() for column in range(8)] for row in range(6)])
        for view in (a, b)
    )
    # On glass, where the ground is even: dark is a high rank, and b is a turned by half a turn.
    corners = (0, 0), (0, 7), (5, 0), (5, 7)
    assert [tiles_a[place] > 600 for place in corners] == [True, True, False, False]
    assert [tiles_b[place] > 600 for place in corners] == [False, False, True, True]
    assert abs(tiles_a[0, 0] - tiles_b[5, 7]) < 30
    assert abs(tiles_a[5, 7] - tiles_b[0, 0]) < 30
    assert '"shape": [1.0, 0.75]' in page
    assert '"field_um": 256.0' in page


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"method_b": "heron-method"}, r"row 2: method_a and method_b must name two methods"),
        ({"method_b": "equal"}, r"row 2: method_b is equal, which is an answer"),
        ({"scores_b": ""}, r"row 2: give both picture_a and picture_b, or both scores_a and scores_b"),
        ({"target": ""}, r"row 2: scores_a and scores_b need the slide"),
        ({"target": "BRAF"}, r"scores.csv is no score table with x0, .* of this target it has none"),
        ({"scores_b": "wide/scores.csv"}, r"have different tiles, whose size would tell the methods apart"),
        ({"scores_b": "outside/scores.csv", "scores_a": "outside/scores.csv"}, r"has tiles outside of .*512 x 384 px"),
    ],
)
def test_what_cannot_be_compared_is_refused(of_slides, tmp_path, change, sentence):
    score_table(of_slides.folder / "wide" / "scores.csv", np.arange(12), 128, 4)
    score_table(of_slides.folder / "outside" / "scores.csv", np.arange(80))
    of_slides.write_rows([of_slides.rows()[0] | change])
    with pytest.raises(ConfigError, match=sentence):
        of_slides.build(tmp_path / "out")


def test_pictures_of_two_sizes_and_a_pair_without_tissue_among_others_are_refused(pairs, tmp_path):
    rows = pairs.rows()
    Image.new("RGB", (181, 120)).save(pairs.folder / rows[1]["picture_a"])
    with pytest.raises(ConfigError, match=r"item-0002: its pictures differ in size \(tissue 180 x 120, a 181 x 120"):
        pairs.build(tmp_path / "out")
    rows[1]["picture"] = ""
    pairs.write_rows(rows)
    with pytest.raises(ConfigError, match=r"item-0001 has tissue to switch to .* and item-0002 has none"):
        pairs.build(tmp_path / "out")
