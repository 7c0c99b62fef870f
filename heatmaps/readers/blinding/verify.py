"""The proof that a kit is blinded: everything in it is either derived from what may be told, or a bare picture."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING

from heatmaps.readers.blinding.jpeg import read_jpeg
from heatmaps.readers.blinding.names import SecretName, secret_names
from heatmaps.readers.blinding.prediction import predictions
from heatmaps.readers.blinding.proof import Proof
from heatmaps.readers.blinding.search import ByteSearch, names_in_text
from heatmaps.readers.kit.archive import MANIFEST, zip_bytes
from heatmaps.readers.kit.build import kit_files
from heatmaps.readers.kit.key import opaque_name, read_key, read_made_kits
from heatmaps.readers.kit.paths import kit_pictures, layers
from pipelines.damage import TABLE_DAMAGE
from pipelines.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from heatmaps.readers.kit.key import Key

_BY_CHANCE = 6
"""Names shorter than this come by chance in the compressed bytes of many pictures."""
_APART = "\n\n\n"


def verify_kit(kit: Path, key_path: Path) -> Proof:
    """Prove or disprove that a kit is blinded.

    Raises
    ------
    InputError
        The kit or key is missing or unreadable, or the kit is none of this key's.
    """
    key, key_sha256 = read_key(key_path)
    made = read_made_kits(key_path, key_sha256)
    try:
        data = kit.read_bytes()
        with zipfile.ZipFile(BytesIO(data)) as archive:
            files = {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}
    except TABLE_DAMAGE as error:
        raise InputError(f"{kit} cannot be read as a zip: {str(error)[:200]}") from error
    reader = _owner(key, files)
    if reader is None:
        raise InputError(f"{kit} is no kit of this key: its pictures are none of the key's")
    proof = Proof(kit.name, reader, len(files))
    names = secret_names(key)
    proof.names = sum(name.telling for name in names)
    proof.names_too_short = len(names) - proof.names
    wanted = kit_pictures(key, reader)
    pictures = {name: files[path] for path, name in wanted.items() if path in files}
    _texts_for_readers(proof, key, names)
    _pictures(proof, files, names)
    if len(pictures) == len(set(wanted.values())):
        expected, kit_sha256 = kit_files(key, key_sha256, reader, pictures)
        if kit_sha256 not in {one.kit_sha256 for one in made.kits if one.reader == reader}:
            proof.add(kit.name, "holds other pictures or texts than the kit that was built")
        _against(proof, files, expected, names, key)
        _frame(proof, data, files, names)
        _order_and_size(proof, key, files)
    else:
        proof.add(kit.name, "lacks pictures that the key says it holds")
    return proof


def _owner(key: Key, files: dict[str, bytes]) -> str | None:
    return next((reader for reader in key.showings if not files.keys().isdisjoint(kit_pictures(key, reader))), None)


def _texts_for_readers(proof: Proof, key: Key, names: list[SecretName]) -> None:
    strict = [name for name in names if not name.public]
    said = _APART.join(key.public_texts())
    for name in names_in_text(said, strict):
        proof.add("index.html", f'names {name.what} ("{name.text}") in a text of the study file or table')
    # Names of files are made of these two.
    for name in names_in_text(_APART.join([key.study.name, *key.showings]), strict):
        proof.add(proof.kit, f"names {name.what} (\"{name.text}\") in the study's name or a reader's code")


def _pictures(proof: Proof, files: dict[str, bytes], names: list[SecretName]) -> None:
    sizes: dict[str, tuple[int, int]] = {}
    anything, in_picture = ByteSearch(names, 0), ByteSearch(names, _BY_CHANCE)
    for path, data in sorted(files.items()):
        if not path.startswith("items/"):
            continue
        jpeg = read_jpeg(data)
        for name, how in (in_picture if jpeg else anything).find(data):
            proof.add(path, f'names {name.what} ("{name.text}") {how}')
        if jpeg is None:
            proof.add(path, "is no whole JPEG")
            continue
        sizes[path] = jpeg.size
        for what, extra in jpeg.extras:
            proof.add(path, f"holds metadata: {what}, {len(extra)} bytes")
            for name, how in anything.find(extra):
                proof.add(path, f'names {name.what} ("{name.text}") {how}')
    for what, of in (("px", sizes), ("bytes", {path: len(files[path]) for path in sizes})):
        usual = _most_frequent(list(of.values()))
        for path, size in of.items():
            if size != usual:
                proof.add(path, f"is {size} {what} where the others are {usual} {what}")


def _most_frequent(values: list[object]) -> object:
    return max(sorted(set(values), key=str), key=values.count) if values else None


def _against(
    proof: Proof, files: dict[str, bytes], expected: dict[str, bytes], names: list[SecretName], key: Key
) -> None:
    """Hold all files against what the key gives; names are looked for in whatever differs."""
    strict = ByteSearch([name for name in names if not name.public], _BY_CHANCE)
    public = sorted(key.public_texts(), key=len, reverse=True)
    for path, data in sorted(files.items()):
        wanted = expected.get(path)
        if data == wanted:
            continue
        if wanted is None:
            proof.add(path, "does not belong into the kit")
        elif path != MANIFEST:
            proof.add(path, "differs from what the key and this version of wsi-swarm make")
        elif not any(leak.file != proof.kit for leak in proof.leaks):
            proof.add(path, "differs from the files")
        foreign = _foreign(data, wanted or b"")
        text = foreign.decode("utf-8", "replace")
        # As whole phrases: a scale's end "no" must not eat a part of "nonMSIH".
        for said in public:
            text = re.sub(rf"(?<!\w){re.escape(said)}(?!\w)", " ", text)
        for name in names_in_text(text, names):
            proof.add(path, f'names {name.what} ("{name.text}")')
        for name, how in strict.find(foreign):
            proof.add(path, f'names {name.what} ("{name.text}") {how}')
    for name in names_in_text("\n".join(set(files) - set(expected)), names):
        proof.add(proof.kit, f'names {name.what} ("{name.text}") in the name of a file')
    for path in sorted(set(expected) - set(files)):
        proof.add(path, "is missing")


def _foreign(data: bytes, wanted: bytes) -> bytes:
    """Return the lines that are not expected; bytes without lines come back whole."""
    known = set(wanted.splitlines())
    return b"\n".join(line for line in data.splitlines() if line not in known)


def _frame(proof: Proof, data: bytes, files: dict[str, bytes], names: list[SecretName]) -> None:
    """Look at what a zip holds besides its files: times, owners, comments, an order."""
    if data == zip_bytes(files):
        return
    rest = data
    for content in sorted(files.values(), key=len, reverse=True):
        rest = rest.replace(content, b"", 1)
    proof.add(proof.kit, "holds more than its files: times, comments, compression, an order or bytes around them")
    for name, how in ByteSearch([name for name in names if not name.public], 4).find(rest):
        proof.add(proof.kit, f'names {name.what} ("{name.text}") {how} outside of its files')


def _order_and_size(proof: Proof, key: Key, files: dict[str, bytes]) -> None:
    secret = bytes.fromhex(key.secret)
    for one in key.showings[proof.reader]:
        # The names' own order cannot tell anything as long as they are made with the secret alone.
        stage = (one.session, one.reading if one.reading == "before" or one.ground else "")
        if one.opaque != opaque_name(secret, proof.reader, one.item, one.again, *stage):
            proof.add(f"items/{one.opaque}", "has a name that was not made with the study's secret")
    items = {item.item: item for item in key.items}
    # The second stage of one showing follows the first and adds no place to the order.
    judged = [one for one in key.showings[proof.reader] if not one.training and not one.ground]
    sizes = [
        float(sum(len(files.get(path, b"")) for path, _ in layers(items[one.item], one).values())) for one in judged
    ]
    measures = {
        "the order of the items": [float(place) for place in range(len(judged))],
        "the size of the files": sizes,
    }
    hidden = [
        [items[one.item].group for one in judged],
        [f"truth {items[one.item].truth}" for one in judged],
        [f"{getattr(items[one.item], f'method_{one.left}')} on the left" if one.left else "" for one in judged],
    ]
    for what, values in measures.items():
        for kinds in hidden:
            for one in predictions(what, values, kinds):
                proof.predictions.append(one)
                if one.tells:
                    area = f"AUROC {one.auroc.value:.2f}, 95 % interval {one.auroc.low:.2f} to {one.auroc.high:.2f}"
                    place = "index.html" if "items" in what else proof.kit
                    proof.add(place, f"{what} tells {one.group} apart: {area}")
