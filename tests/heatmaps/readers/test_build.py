"""A study file to kits: what is in them, and which study files are refused."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from heatmaps.readers.blinding.jpeg import read_jpeg
from heatmaps.readers.kit.build import example_study
from heatmaps.readers.kit.key import opaque_name, read_key
from heatmaps.readers.kit.study_file import read_study_file
from pipelines.errors import ConfigError, InputError


def unzipped(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_kit_has_a_page_a_codebook_and_pictures_that_are_alike_in_everything_but_tissue(built):
    files = unzipped(built.kits[0])
    assert {name for name in files if "/" not in name} == {
        "MANIFEST.sha256",
        "README.txt",
        "codebook.html",
        "index.html",
    }
    pictures = {name: data for name, data in files.items() if name.startswith("items/")}
    assert len(pictures) == 1 + 10 + 2  # training, items, a fifth of them again
    assert len({len(data) for data in pictures.values()}) == 1
    for data in pictures.values():
        taken_apart = read_jpeg(data)
        assert taken_apart.size == (96, 96)
        assert taken_apart.extras == []
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            assert not picture.getexif()
    for line in files["MANIFEST.sha256"].decode().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256(files[name]).hexdigest() == digest


def test_the_pictures_are_those_of_the_table(built, study):
    files, (key, _) = unzipped(built.kits[0]), read_key(built.key)
    sources = {}
    for item in key.items:
        with Image.open(study.folder / item.picture) as source:
            sources[item.item] = np.asarray(source.resize((96, 96), Image.Resampling.BOX), float)
    for one in key.showings["R1"]:
        with Image.open(io.BytesIO(files[f"items/{one.opaque}.jpg"])) as shown:
            pixels = np.asarray(shown, float)
        assert min(sources, key=lambda name: np.abs(pixels - sources[name]).mean()) == one.item


def test_the_key_lies_apart_and_its_hash_stands_in_every_kit(built):
    digest = hashlib.sha256(built.key.read_bytes()).hexdigest()
    assert built.key.parent != built.kits[0].parent
    assert built.key.stat().st_mode & 0o077 == 0
    key, _ = read_key(built.key)
    for path in built.kits:
        files = unzipped(path)
        for name in ("README.txt", "index.html"):
            assert digest.encode() in files[name]
            assert key.secret.encode() not in files[name]


def test_names_are_hashes_with_the_secret_so_that_they_tell_nothing_without_it(built):
    key, _ = read_key(built.key)
    names = [one.opaque for showings in key.showings.values() for one in showings]
    assert len(set(names)) == len(names)
    one = key.showings["R2"][4]
    assert one.opaque == opaque_name(bytes.fromhex(key.secret), "R2", one.item, one.again)
    assert one.opaque != opaque_name(bytes(32), "R2", one.item, one.again)


def test_the_same_study_and_secret_give_the_same_bytes(study, tmp_path):
    one, other = (study.build(tmp_path / name) for name in ("one", "other"))
    assert [path.read_bytes() for path in one.kits] == [path.read_bytes() for path in other.kits]
    assert one.key.read_bytes() == other.key.read_bytes()


def test_pages_are_in_their_readers_language_and_keep_texts_as_texts(built):
    english, german = (unzipped(path)["index.html"].decode() for path in built.kits)
    assert '<html lang="en">' in english
    assert "Drawn tiles" in english
    assert '<html lang="de">' in german
    assert "Gezeichnete Kacheln" in german
    assert "Andere wählten 4." in german
    assert "Others chose 4." not in german
    assert "Look at &lt;each&gt; &amp; answer." in english
    assert "<each>" not in english


def test_nothing_is_loaded_from_outside(built):
    for path in built.kits:
        for name in ("index.html", "codebook.html"):
            page = unzipped(path)[name].decode()
            assert "http://" not in page
            assert "https://" not in page
            assert "default-src &#39;none&#39;" in page


def test_metadata_and_resolution_of_the_sources_are_gone(study, tmp_path):
    rows = study.rows()
    secret = PngImagePlugin.PngInfo()
    secret.add_text("Comment", "PAT-7001 Musterklinikum")
    Image.new("RGB", (300, 300), (180, 90, 140)).save(study.folder / rows[1]["picture"], pnginfo=secret)
    files = unzipped(study.build(tmp_path / "out").kits[0])
    assert {read_jpeg(data).size for name, data in files.items() if name.startswith("items/")} == {(96, 96)}
    assert not any(b"Musterklinikum" in data for data in files.values())


def test_a_small_picture_makes_all_as_small_because_sharpness_tells(study, tmp_path):
    Image.new("RGB", (70, 70), (180, 90, 140)).save(study.folder / study.rows()[3]["picture"])
    files = unzipped(study.build(tmp_path / "out").kits[0])
    assert {read_jpeg(data).size for name, data in files.items() if name.startswith("items/")} == {(70, 70)}


def test_an_existing_key_is_never_overwritten(study, tmp_path):
    before = study.build(tmp_path / "out").key.read_bytes()
    with pytest.raises(ConfigError, match=r"is there already, and its kits may be with readers"):
        study.build(tmp_path / "out")
    assert (tmp_path / "out" / "key" / "key.json").read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("seed = 4", "seed = 4\nsede = 5", r"sede of the study file is invalid: Extra"),
        ("seed = 4", 'seed = "4"', r"seed of the study file is invalid: Input should be a valid integer"),
        ('code = "R2"', 'code = "r1"', r"the reader code r1 is there twice"),
        ('id = "til"', 'id = "mucin"', r"the option id mucin is there twice"),
        ('kind = "scale"', 'kind = "slider"', r"questions.1 of the study file"),
        ("frame = 0.5", "tile_um = 256.0", r"items.slides and items.tile_um go together"),
        ("repeats = 0.2", "repeats = 0.9", r"design.repeats of the study file"),
        ("name = ", "name ", r"no valid TOML"),
    ],
)
def test_what_a_study_file_cannot_say_is_refused_with_the_place(study, tmp_path, old, new, sentence):
    study.change(old, new)
    with pytest.raises(ConfigError, match=sentence):
        study.build(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("row", "change", "sentence"),
    [
        (2, {"group": ""}, r"items.csv, row 4: group is empty"),
        (2, {"kind": "controll"}, r"row 4: kind is 'controll'"),
        (2, {"feedback": "look"}, r"row 4: only a training case has feedback"),
        (2, {"picture": ""}, r"row 4: give either a picture, or a slide"),
        (2, {"picture": "B2026-4000_score-0.9000.png"}, r"item-0003 is the same tile as item-0001"),
    ],
)
def test_what_a_table_cannot_say_is_refused_with_the_row(study, tmp_path, row, change, sentence):
    rows = study.rows()
    rows[row] |= change
    study.write_rows(rows)
    with pytest.raises(ConfigError, match=sentence):
        study.build(tmp_path / "out")


def test_a_missing_or_broken_picture_is_named(study, tmp_path):
    name = study.rows()[0]["picture"]
    (study.folder / name).write_bytes(b"no picture")
    with pytest.raises(InputError, match=name):
        study.build(tmp_path / "out")
    Image.new("RGB", (100, 50)).save(study.folder / name)
    with pytest.raises(ConfigError, match=r"100 x 50 px; pictures of tiles must be square"):
        study.build(tmp_path / "out")


def test_the_example_is_a_study_file(tmp_path):
    (tmp_path / "study.toml").write_text(example_study(), "utf-8")
    study = read_study_file(tmp_path / "study.toml")
    assert [question.kind for question in study.questions] == ["checks", "scale"]
    assert json.dumps(study.model_dump())
