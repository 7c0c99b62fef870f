"""Leaks of every kind are planted, and each is found in the file where it is."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import shutil
import zipfile
import zlib

import pytest
from PIL import Image

from heatmaps.readers.blinding.names import secret_names
from heatmaps.readers.blinding.verify import verify_kit
from heatmaps.readers.kit.archive import manifest, zip_bytes
from heatmaps.readers.kit.build import kit_files
from heatmaps.readers.kit.key import Key, MadeKits, read_key
from heatmaps.readers.kit.paths import picture_path
from heatmaps.readers.kit.pictures import padded
from pipelines.errors import InputError


class Kit:
    """A copy of a kit that can be spoiled."""

    def __init__(self, built, folder) -> None:
        self.key = built.key
        self.path = folder / built.kits[0].name
        shutil.copy(built.kits[0], self.path)
        with zipfile.ZipFile(self.path) as archive:
            self.files = {name: archive.read(name) for name in archive.namelist()}
        self.picture = sorted(name for name in self.files if name.startswith("items/"))[3]

    def proof(self):
        return verify_kit(self.path, self.key)

    def with_files(self, **changed: bytes):
        """Write it anew as somebody would who also mends the manifest."""
        self.files |= changed
        del self.files["MANIFEST.sha256"]
        self.files["MANIFEST.sha256"] = manifest(self.files)
        self.path.write_bytes(zip_bytes(self.files))
        return self.proof()

    def with_picture(self, data: bytes):
        return self.with_files(**{self.picture: data})


@pytest.fixture
def kit(built, tmp_path):
    return Kit(built, tmp_path)


def told(proof, file):
    return " | ".join(leak.sentence for leak in proof.leaks if leak.file == file)


def test_what_build_makes_is_blinded_and_says_by_how_much(built):
    for path in built.kits:
        proof = verify_kit(path, built.key)
        assert proof.leaks == []
        assert proof.files == 4 + 13
        assert {one.what for one in proof.predictions} == {"the order of the items", "the size of the files"}
        for one in proof.predictions:
            assert one.auroc.low < 0.5 < one.auroc.high


def test_every_secret_of_the_table_is_looked_for(built, study):
    names = {name.text for name in secret_names(read_key(built.key)[0]) if name.telling}
    for row in study.rows():
        for column in ("picture", "patient", "centre", "class", "model", "score"):
            assert row[column] in names
        assert row["picture"].removesuffix(".png") in names


SECRETS = {
    "slide": "B2026-4003_score-0.9003",
    "patient": "PAT-7001",
    "centre": "Musterklinikum",
    "class": "nonMSIH",
    "model": "swarm-weighted",
    "score": "0.9003",
    "group": "model-low",
}


@pytest.mark.parametrize(("what", "name"), SECRETS.items())
def test_a_name_in_the_page_is_found(kit, what, name):
    page = kit.files["index.html"].replace(b"</body>", f"<!-- {name} -->\n</body>".encode())
    found = told(kit.with_files(**{"index.html": page}), "index.html")
    assert f'("{name}")' in found
    assert "differs from what the key" in found


@pytest.mark.parametrize("name", SECRETS.values())
def test_a_name_as_a_comment_of_a_picture_is_found(kit, name):
    comment = name.encode()
    spoiled = kit.files[kit.picture]
    spoiled = spoiled[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + spoiled[2:]
    found = told(kit.with_picture(spoiled), kit.picture)
    assert "holds metadata: a comment" in found
    assert f'("{name}") as text' in found


HIDDEN = {
    "backwards": lambda name: name[::-1],
    "upper case": lambda name: name.upper(),
    "UTF-16": lambda name: name.decode().encode("utf-16-le"),
    "hexadecimal": lambda name: name.hex().encode(),
    "base64": base64.b64encode,
    "base64, one byte later": lambda name: base64.b64encode(b"x" + name + b"yz"),
    "base64, two bytes later": lambda name: base64.b64encode(b"xy" + name),
    "zlib": lambda name: zlib.compress(b"some words before " + name),
    "gzip": lambda name: gzip.compress(b"some words before " + name),
    "gzip in base64": lambda name: base64.b64encode(gzip.compress(b"some words before " + name)),
    "a zip": lambda name: zip_bytes({"inner.txt": b"some words before " + name}),
}


@pytest.mark.parametrize("hide", HIDDEN.values(), ids=HIDDEN)
def test_a_name_after_a_pictures_end_is_found_however_it_is_written(kit, hide):
    proof = kit.with_picture(kit.files[kit.picture] + hide(b"Musterklinikum"))
    found = told(proof, kit.picture)
    assert "bytes after its end" in found
    assert 'names a centre ("Musterklinikum")' in found


def test_a_name_in_the_compressed_bytes_of_a_picture_is_found(kit):
    data = kit.files[kit.picture]
    # The fill before the end marker: no decoder looks there, and no segment begins.
    spoiled = data[:-40] + b"Musterklinikum" + data[-26:]
    assert "Musterklinikum" in told(kit.with_picture(spoiled), kit.picture)


def test_exif_and_a_colour_profile_are_found(kit):
    with Image.open(io.BytesIO(kit.files[kit.picture])) as picture:
        exif = picture.getexif()
        exif[0x010F] = "Scanner of the Musterklinikum"
        memory = io.BytesIO()
        picture.save(memory, "jpeg", exif=exif, icc_profile=b"profile" * 20)
    found = told(kit.with_picture(memory.getvalue()), kit.picture)
    assert "EXIF" in found
    assert "a colour profile" in found
    assert "Musterklinikum" in found


def test_pictures_of_another_size_are_found(kit):
    memory = io.BytesIO()
    Image.new("RGB", (97, 96)).save(memory, "jpeg")
    found = told(kit.with_picture(memory.getvalue()), kit.picture)
    assert "is (97, 96) px where the others are (96, 96) px" in found
    assert "bytes where the others are" in found


def test_file_sizes_that_tell_the_group_are_found_with_the_auroc(built, tmp_path):
    kit, (key, _) = Kit(built, tmp_path), read_key(built.key)
    group = {item.item: item.group for item in key.items}
    for one in key.showings["R1"]:
        if group[one.item] == "model-top":
            longer = kit.files[picture_path(one.opaque)]
            kit.files[picture_path(one.opaque)] = longer[:-2] + b"\xff" * 100 + longer[-2:]
    found = told(kit.with_files(), kit.path.name)
    assert "the size of the files tells model-low apart: AUROC 0.00" in found


def test_an_order_that_tells_the_group_is_found(built, tmp_path, make_larger_study):
    larger = make_larger_study(tmp_path / "larger", 24).build(tmp_path / "out")
    key, _ = read_key(larger.key)
    group = {item.item: item.group for item in key.items}
    showings = {reader: sorted(order, key=lambda one: group[one.item]) for reader, order in key.showings.items()}
    told_key = Key.model_validate(key.model_dump(by_alias=True) | {"showings": showings})
    larger.key.write_bytes(told_key.encoded())
    digest = hashlib.sha256(larger.key.read_bytes()).hexdigest()
    with zipfile.ZipFile(larger.kits[0]) as archive:
        pictures = {one.item: archive.read(picture_path(one.opaque)) for one in key.showings["R1"]}
    files, kit_sha256 = kit_files(told_key, digest, "R1", pictures)
    larger.kits[0].write_bytes(zip_bytes(files))
    listed = larger.made.model_dump(by_alias=True) | {"key_sha256": digest}
    listed["kits"][0]["kit_sha256"] = kit_sha256
    made = MadeKits.model_validate(listed)
    larger.kit_list.write_text(json.dumps(made.model_dump(by_alias=True)))
    leaks = verify_kit(larger.kits[0], larger.key).leaks
    assert [leak.file for leak in leaks] == ["index.html"]
    assert "the order of the items tells model-low apart: AUROC 0.0" in leaks[0].sentence


def test_a_file_too_many_its_name_and_a_missing_one_are_found(kit):
    del kit.files["codebook.html"]
    proof = kit.with_files(**{"PAT-7001/notes.txt": b"for later"})
    assert "does not belong into the kit" in told(proof, "PAT-7001/notes.txt")
    assert "is missing" in told(proof, "codebook.html")
    assert 'names a patient ("PAT-7001") in the name of a file' in told(proof, kit.path.name)


def test_what_a_zip_says_besides_its_files_is_found(kit):
    with zipfile.ZipFile(kit.path, "a") as archive:
        archive.comment = b"of the Musterklinikum"
    found = told(kit.proof(), kit.path.name)
    assert "holds more than its files" in found
    assert 'names a centre ("Musterklinikum")' in found


def test_times_of_files_and_compression_are_found(kit):
    with zipfile.ZipFile(kit.path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in kit.files.items():
            archive.writestr(name, data)
    assert "times, comments, compression" in told(kit.proof(), kit.path.name)


def test_bytes_before_the_zip_are_found(kit):
    kit.path.write_bytes(b"PAT-7001 " + kit.path.read_bytes())
    assert "PAT-7001" in told(kit.proof(), kit.path.name)


def test_a_name_in_the_studys_own_text_is_found(study, tmp_path):
    study.change("Gezeichnete Kacheln", "Kacheln aus dem Musterklinikum")
    built = study.build(tmp_path / "out")
    # In the English kit too: both are texts of the study, and the files go to the same people.
    assert 'names a centre ("Musterklinikum") in a text' in told(verify_kit(built.kits[1], built.key), "index.html")


def test_a_feedback_may_name_a_class_but_no_patient(study, tmp_path):
    rows = study.rows()
    rows[-1]["feedback"] = "This tumour is MSIH."
    study.write_rows(rows)
    built = study.build(tmp_path / "one")
    assert verify_kit(built.kits[0], built.key).leaks == []
    rows[-1]["feedback"] = "This is pat 7001."
    study.write_rows(rows)
    built = study.build(tmp_path / "other")
    assert 'names a patient ("PAT-7001")' in told(verify_kit(built.kits[0], built.key), "index.html")


def test_changed_pictures_are_found_though_nothing_else_is_wrong(kit):
    names = sorted(name for name in kit.files if name.startswith("items/"))
    swapped = {names[0]: kit.files[names[1]], names[1]: kit.files[names[0]]}
    spoiled = {leak.file for leak in kit.with_files(**swapped).leaks if "differs from what the key" in leak.sentence}
    assert spoiled & {*swapped, "index.html"}


def test_a_kit_made_anew_with_other_pictures_is_found_by_its_hash(built, tmp_path):
    kit, (key, digest) = Kit(built, tmp_path), read_key(built.key)
    pictures = {one.item: kit.files[picture_path(one.opaque)] for one in key.showings["R1"]}
    names = sorted(pictures)
    pictures[names[0]], pictures[names[1]] = pictures[names[1]], pictures[names[0]]
    kit.path.write_bytes(zip_bytes(kit_files(key, digest, "R1", pictures)[0]))
    assert [leak.sentence for leak in kit.proof().leaks] == [
        "holds other pictures or texts than the kit that was built"
    ]


def test_a_kit_of_another_key_and_what_is_no_kit_are_refused(built, study, tmp_path):
    study.change("seed = 4", "seed = 5")
    from heatmaps.readers.kit.build import build_kits

    other = build_kits(study.file, tmp_path / "other", bytes(32))
    shutil.copy(other.kits[0], tmp_path / "renamed.zip")
    with pytest.raises(InputError, match=r"is no kit of this key"):
        verify_kit(tmp_path / "renamed.zip", built.key)
    (tmp_path / "no.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"no.zip cannot be read as a zip"):
        verify_kit(tmp_path / "no.zip", built.key)


def test_padding_keeps_every_pixel():
    pictures = []
    for quality in (30, 95):
        memory = io.BytesIO()
        Image.effect_noise((64, 64), 50).convert("RGB").save(memory, "jpeg", quality=quality)
        pictures.append(memory.getvalue())
    equal = padded(pictures)
    assert len(pictures[0]) != len(pictures[1])
    assert len(equal[0]) == len(equal[1])
    for before, after in zip(pictures, equal, strict=True):
        with Image.open(io.BytesIO(before)) as one, Image.open(io.BytesIO(after)) as other:
            assert one.tobytes() == other.tobytes()
