"""A study file to kits and a key."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from heatmaps.readers.kit.archive import MANIFEST, kit_texts, manifest, zip_bytes
from heatmaps.readers.kit.item_table import read_items
from heatmaps.readers.kit.key import KEY_NAME, KITS_NAME, Key, MadeKit, MadeKits
from heatmaps.readers.kit.layers import layered_pictures
from heatmaps.readers.kit.page_content import page_content
from heatmaps.readers.kit.paths import kit_pictures
from heatmaps.readers.kit.pictures import item_pictures
from heatmaps.readers.kit.showings import make_showings
from heatmaps.readers.kit.study_file import TEMPLATES, read_study_file
from pipelines.errors import ConfigError
from pipelines.files import write_bytes, write_json

if TYPE_CHECKING:
    from heatmaps.readers.kit.item import Item
    from heatmaps.readers.kit.key import Shape
    from heatmaps.readers.kit.study_file import ReaderStudy


@dataclass(frozen=True)
class Built:
    """Where everything lies."""

    key: Path
    key_sha256: str
    kits: list[Path]
    made: MadeKits

    @property
    def kit_list(self) -> Path:
        """The list of kits, beside the key."""
        return self.key.with_name(KITS_NAME)


def build_kits(study_file: Path, out: Path, secret: bytes | None = None) -> Built:
    """Write ``out/kits/<study>-<reader>.zip`` for each reader, and ``out/key`` for the coordinator.

    Parameters
    ----------
    secret
        Key of the opaque names; drawn anew unless given. The order of the items comes from the study's seed alone.

    Raises
    ------
    ConfigError
        The study cannot be made from its file, or the folder already holds one: its kits may be out with readers.
    InputError
        A table, picture or slide is missing or unreadable.
    """
    key_path = out / "key" / KEY_NAME
    if key_path.exists():
        raise ConfigError(f"{key_path} is there already, and its kits may be with readers; choose another --out")
    study = read_study_file(study_file)
    table = study_file.parent / study.items.table
    items = read_items(table, study.template)
    shapes: dict[str, Shape] = {}
    if study.template == "tile-plausibility":
        cut = item_pictures(study_file.parent, study.items, items)
        pictures = dict(zip([item.item for item in items], cut, strict=True))
    else:
        pictures, shapes = layered_pictures(study_file.parent, study.items, items)
    study_sha256 = hashlib.sha256(study_file.read_bytes()).hexdigest()
    key = make_key(study, items, secret or secrets.token_bytes(32), study_sha256, shapes)
    key_sha256 = hashlib.sha256(key.encoded()).hexdigest()
    write_bytes(key_path, key.encoded())
    key_path.chmod(0o600)
    kits, made = [], []
    for reader in key.showings:
        files, kit_sha256 = kit_files(key, key_sha256, reader, pictures)
        data = zip_bytes(files)
        path = out / "kits" / f"{study.name}-{reader}.zip"
        write_bytes(path, data)
        kits.append(path)
        zip_sha256 = hashlib.sha256(data).hexdigest()
        made.append(MadeKit(reader=reader, file=path.name, kit_sha256=kit_sha256, zip_sha256=zip_sha256))
    listed = MadeKits.model_validate({"key_sha256": key_sha256, "kits": made})
    write_json(key_path.with_name(KITS_NAME), listed.model_dump(by_alias=True))
    return Built(key_path, key_sha256, kits, listed)


def make_key(study: ReaderStudy, items: list[Item], secret: bytes, study_sha256: str, shapes: dict[str, Shape]) -> Key:
    """Deal the items and name them."""
    return Key(
        software=f"wsi-swarm {version('wsi-swarm')}",
        secret=secret.hex(),
        study_sha256=study_sha256,
        study=study,
        items=items,
        showings=make_showings(study, items, secret),
        shapes=shapes,
    )


def kit_files(key: Key, key_sha256: str, reader: str, pictures: dict[str, bytes]) -> tuple[dict[str, bytes], str]:
    """Return the files of a reader's kit by path, and its hash; ``pictures`` are named as ``kit_pictures`` says."""
    files = {path: pictures[name] for path, name in kit_pictures(key, reader).items()}
    hashes = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    content = page_content(key, key_sha256, reader, hashes)
    files |= kit_texts(content)
    return files | {MANIFEST: manifest(files)}, content["kit_sha256"]


def example_study(template: str = "tile-plausibility") -> str:
    """Return the study file of a template that comes along.

    Raises
    ------
    ConfigError
        There is no such template.
    """
    if template not in TEMPLATES:
        raise ConfigError(f"there is no template {template}; there are {', '.join(TEMPLATES)}")
    return (Path(__file__).parent / "examples" / f"{template}.toml").read_text("utf-8")
