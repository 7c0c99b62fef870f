"""The key: what the opaque names in the kits stand for. It stays with the coordinator."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from heatmaps.readers.kit.item import Item  # noqa: TC001 (pydantic needs it when it runs)
from heatmaps.readers.kit.questions import Strict
from heatmaps.readers.kit.study_file import ReaderStudy  # noqa: TC001
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from pathlib import Path

KEY_NAME, KITS_NAME = "key.json", "kits.json"
_OPAQUE_DIGITS = 12
Content = TypeVar("Content", bound=BaseModel)


class Showing(Strict):
    """One item's turn in one reader's kit.

    ``left`` says which heatmap of a preference stands left. ``reading`` is what a reader of an AI study knows: nothing
    ("without", or "before" where the AI's output follows at once) or the AI's output ("with"). ``ground`` is the opaque
    name of the showing whose picture this one shares.
    """

    opaque: str
    item: str
    again: bool = False
    training: bool = False
    left: Literal["", "a", "b"] = ""
    session: Literal["", "1", "2"] = ""
    reading: Literal["", "without", "before", "with"] = ""
    ground: str = ""


class Shape(Strict):
    """Which part of its square picture an item fills, centred (shares of the side), and what the side measures."""

    width: float = 1.0
    height: float = 1.0
    side_um: float | None = None


class Key(Strict):
    """Everything that a kit hides."""

    version: Literal["wsi-swarm-reader-key/1"] = Field(default="wsi-swarm-reader-key/1", alias="schema")
    software: str
    secret: str
    study_sha256: str
    study: ReaderStudy
    items: list[Item]
    showings: dict[str, list[Showing]]
    shapes: dict[str, Shape] = Field(default={})

    def item(self, name: str) -> Item:
        """Return an item by its name."""
        return next(item for item in self.items if item.item == name)

    def public_texts(self) -> set[str]:
        """Return every text that readers see, in all languages."""
        feedback = {text for item in self.items for text in (item.feedback, item.feedback_de)}
        return {*self.study.public_texts(), *feedback} - {""}

    def encoded(self) -> bytes:
        """Return the file's bytes; their hash stands in the kits."""
        return (json.dumps(self.model_dump(by_alias=True), indent=1, ensure_ascii=False) + "\n").encode()


class MadeKit(Strict):
    """What a kit must be when its answers come back."""

    reader: str
    file: str
    kit_sha256: str
    zip_sha256: str


class MadeKits(Strict):
    """All kits of a key. Apart from it, because the key's hash stands in the kits."""

    version: Literal["wsi-swarm-reader-kits/1"] = Field(default="wsi-swarm-reader-kits/1", alias="schema")
    key_sha256: str
    kits: list[MadeKit]


def opaque_name(secret: bytes, reader: str, item: str, again: bool, session: str = "", reading: str = "") -> str:
    """Return a name that tells nothing without the secret, another for each reader and showing."""
    message = "\0".join([reader, item, "again" if again else "first", *filter(None, [session, reading])]).encode()
    return hmac.new(secret, message, hashlib.sha256).hexdigest()[:_OPAQUE_DIGITS]


def read_key(path: Path) -> tuple[Key, str]:
    """Read a key; return it with its hash."""
    data = _read(path)
    return _parsed(path, data, Key, "a key of a reader study"), hashlib.sha256(data).hexdigest()


def read_made_kits(key: Path, key_sha256: str) -> MadeKits:
    """Read the list of kits that lies beside a key, and check that it belongs to it."""
    path = key.with_name(KITS_NAME)
    made = _parsed(path, _read(path), MadeKits, "the list of kits beside a key")
    if made.key_sha256 != key_sha256:
        raise InputError(f"{path} belongs to another key than {key}; keep both files as reader build wrote them")
    return made


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _parsed(path: Path, data: bytes, kind: type[Content], what: str) -> Content:
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "content"
        raise ConfigError(f"{path} is not {what}: {where}: {first['msg']}") from error
