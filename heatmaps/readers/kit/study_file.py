"""The study file: what readers see, who they are, and how the items are dealt to them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.encoders.toml_file import load_toml
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

Language = Literal["en", "de"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class Strict(BaseModel):
    """Unknown keys and values of another type are refused, so that a mistyped option cannot vanish."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Translated(Strict):
    """A text in both languages."""

    en: str
    de: str


Text = str | Translated


def in_language(text: Text, language: Language) -> str:
    """Return a text in a reader's language; one that was given once is the same for all."""
    return text if isinstance(text, str) else str(getattr(text, language))


class Option(Strict):
    """A feature that a reader may tick; ``alone`` means that ticking it clears the others."""

    id: Name
    text: Text
    meaning: Text
    alone: bool = False


class Checks(Strict):
    """A check-list."""

    kind: Literal["checks"]
    id: Name
    text: Text
    options: list[Option] = Field(min_length=1, max_length=10)


class Scale(Strict):
    """A judgement from 1 to 5."""

    kind: Literal["scale"]
    id: Name
    text: Text
    meaning: Text
    low: Text
    high: Text
    cannot_judge: bool = True


class Reader(Strict):
    """Who gets a kit. The code stands in every file of answers, so it should be no name."""

    code: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,15}$")
    language: Language = "en"


class Items(Strict):
    """Where the pictures come from; paths are relative to the study file.

    ``tile_um`` and ``slides`` are for rows of slides; ``frame`` (the tile's share of a picture's side) and ``field_um``
    (what a picture's side measures) describe pictures that were made elsewhere.
    """

    table: str
    slides: str | None = None
    slide_mpp: float | None = Field(default=None, gt=0)
    tile_um: float | None = Field(default=None, gt=0)
    surroundings: float = Field(default=0.5, ge=0, le=3)
    picture_px: int = Field(default=640, ge=64, le=2048)
    frame: float | None = Field(default=None, gt=0, lt=1)
    field_um: float | None = Field(default=None, gt=0)


class Design(Strict):
    """How items are dealt: the share that all readers see, the share that each sees twice and how far apart."""

    shared: float = Field(default=1.0, ge=0, le=1)
    repeats: float = Field(default=0.1, ge=0, le=0.5)
    apart: int = Field(default=5, ge=2)
    go_back: bool = True
    min_seconds: float = Field(default=2.0, ge=0)


class ReaderStudy(Strict):
    """A study."""

    name: Name
    template: Literal["tile-plausibility"]
    protocol: str = Field(min_length=1, max_length=20)
    title: Text
    introduction: Text
    seed: int = Field(ge=0)
    items: Items
    design: Design = Design()
    readers: list[Reader] = Field(min_length=1)
    questions: list[Annotated[Checks | Scale, Field(discriminator="kind")]] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        codes = [reader.code.lower() for reader in self.readers]
        ids = [question.id for question in self.questions]
        options = [option.id for question in self.checks for option in question.options]
        for what, names in (("reader code", codes), ("question id", ids), ("option id", options)):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                msg = f"the {what} {twice[0]} is there twice"
                raise ValueError(msg)
        if len(options) > 10:
            msg = "more than 10 options in all; each has one key of A to J"
            raise ValueError(msg)
        if sum(question.kind == "scale" for question in self.questions) > 1:
            msg = "more than one scale; the keys 1 to 5 answer one"
            raise ValueError(msg)
        return self

    @property
    def checks(self) -> list[Checks]:
        """The check-lists."""
        return [question for question in self.questions if isinstance(question, Checks)]

    def public_texts(self) -> Iterator[str]:
        """Yield every text that the study addresses to its readers, in all languages."""
        texts: list[Text] = [self.title, self.introduction]
        for question in self.questions:
            texts.append(question.text)
            if isinstance(question, Scale):
                texts += [question.meaning, question.low, question.high]
            else:
                texts += [text for option in question.options for text in (option.text, option.meaning)]
        for text in texts:
            yield from {in_language(text, "en"), in_language(text, "de")}


def read_study_file(path: Path) -> ReaderStudy:
    """Read a study file.

    Raises
    ------
    InputError
        It is missing or unreadable.
    ConfigError
        It is not as described here; with the place of the mistake.
    """
    try:
        study = load_toml(path, ReaderStudy, "study file")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if (study.items.slides is None) != (study.items.tile_um is None):
        raise ConfigError(f"{path}: items.slides and items.tile_um go together; give both or neither.")
    return study
