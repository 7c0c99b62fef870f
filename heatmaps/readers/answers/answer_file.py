"""The file of answers that a kit's page downloads."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError

from heatmaps.readers.kit.questions import Strict
from pipelines.errors import InputError, IntegrityError

if TYPE_CHECKING:
    from pathlib import Path

_DIGITS = 64
_UTC = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"


class Answer(Strict):
    """One picture's answers; times in UTC as the reader's computer had them."""

    item: str
    values: dict[str, list[str] | int | str]
    seconds: float = Field(ge=0)
    shown: str = Field(pattern=_UTC)
    answered: str = Field(pattern=_UTC)
    edits: int = Field(ge=0)


class Session(Strict):
    """One time that the page was opened and begun."""

    opened: str = Field(pattern=_UTC)
    agent: str
    width: int
    height: int
    ratio: float


class AnswerFile(Strict):
    """A whole file."""

    version: Literal["wsi-swarm-reader-answers/1"] = Field(alias="schema")
    sha256: str
    study: str
    protocol: str
    reader: str
    kit_sha256: str
    key_sha256: str
    software: str
    started: str | None
    saved: str = Field(pattern=_UTC)
    complete: bool
    sessions: list[Session]
    answers: list[Answer]


class NotAsDownloaded(IntegrityError):  # noqa: N818 - the sentence is for the coordinator: the file was changed on its way
    """A file of answers is not what the page wrote, or not of this study."""


def read_answers(path: Path) -> AnswerFile:
    """Read a file of answers.

    Raises
    ------
    InputError
        It is missing or unreadable.
    NotAsDownloaded
        It is no file of answers, or it was changed after it was downloaded.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise NotAsDownloaded(f"{path} is no file of answers: {error}") from error
    try:
        file = AnswerFile.model_validate(json.loads(text))
    except (ValidationError, ValueError, RecursionError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else str(error)[:200]
        raise NotAsDownloaded(f"{path} is no file of answers as a kit downloads it: {why}") from error
    # The page hashed the text with zeros where the hash stands now.
    sealed = text.replace(file.sha256, "0" * _DIGITS, 1)
    if hashlib.sha256(sealed.encode()).hexdigest() != file.sha256:
        raise NotAsDownloaded(f"{path} was changed after it was downloaded; ask reader {file.reader} for it again")
    return file
