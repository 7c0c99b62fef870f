"""The study file: what readers see, who they are, and how the items are dealt to them."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator, model_validator

from heatmaps.readers.kit.questions import (
    Checks,
    Language,
    Name,
    Question,
    Strict,
    Text,
    in_language,
    question_texts,
)
from models.encoders.toml_file import load_toml
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

Template = Literal["tile-plausibility", "heatmap-preference", "ai-assistance"]
TEMPLATES: tuple[Template, ...] = ("tile-plausibility", "heatmap-preference", "ai-assistance")
# What each template asks: kind to id, where "" means any. The analysis knows the ids of the two later ones.
_NEEDED: dict[Template, dict[str, str]] = {
    "tile-plausibility": {},
    "heatmap-preference": {"sides": "plausible", "prefer": "prefer"},
    "ai-assistance": {"percent": "likelihood", "scale": "confidence"},
}
_ALLOWED: dict[Template, dict[str, str]] = {
    "tile-plausibility": {"checks": "", "scale": ""},
    "heatmap-preference": _NEEDED["heatmap-preference"],
    "ai-assistance": _NEEDED["ai-assistance"] | {"decision": "decision"},
}


class Reader(Strict):
    """Who gets a kit. The code stands in every file of answers, so it should be no name."""

    code: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,15}$")
    language: Language = "en"


class Items(Strict):
    """Where the pictures come from; paths are relative to the study file.

    ``tile_um`` and ``slides`` are for rows of slides; ``frame`` (the tile's share of a picture's side) and ``field_um``
    (what a picture's longer side measures) describe pictures that were made elsewhere.
    """

    table: str
    slides: str | None = None
    slide_mpp: float | None = Field(default=None, gt=0)
    tile_um: float | None = Field(default=None, gt=0)
    surroundings: float = Field(default=0.5, ge=0, le=3)
    picture_px: int = Field(default=640, ge=64, le=4096)
    frame: float | None = Field(default=None, gt=0, lt=1)
    field_um: float | None = Field(default=None, gt=0)


class Design(Strict):
    """How items are dealt: the share that all readers see, the share that each sees twice and how far apart."""

    shared: float = Field(default=1.0, ge=0, le=1)
    repeats: float = Field(default=0.1, ge=0, le=0.5)
    apart: int = Field(default=5, ge=2)
    go_back: bool = True
    min_seconds: float = Field(default=2.0, ge=0)


class Assistance(Strict):
    """How the AI's output comes to the reader.

    ``sequential``: a first answer, which stays, then the AI's output and the final answer. ``crossover``: every case
    twice, in two sessions ``washout_days`` apart, once without and once with the AI. ``not_before`` holds the earliest
    day of the sessions, as YYYY-MM-DD.
    """

    design: Literal["sequential", "crossover"]
    output: Text
    washout_days: int = Field(default=14, ge=0, le=365)
    not_before: list[str] = Field(default=[], max_length=2)

    @field_validator("not_before")
    @classmethod
    def _days(cls, days: list[str]) -> list[str]:
        for day in days:
            if date.fromisoformat(day).isoformat() != day:
                msg = f"{day} is no day; write YYYY-MM-DD"
                raise ValueError(msg)
        return days

    @property
    def sessions(self) -> int:
        """How often a reader comes."""
        return 2 if self.design == "crossover" else 1


class ReaderStudy(Strict):
    """A study."""

    name: Name
    template: Template
    protocol: str = Field(min_length=1, max_length=20)
    title: Text
    introduction: Text
    seed: int = Field(ge=0)
    items: Items
    design: Design = Design()
    assistance: Assistance | None = None
    readers: list[Reader] = Field(min_length=1)
    questions: list[Question] = Field(min_length=1)

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
        self._of_template()
        return self

    def _of_template(self) -> None:
        needed, allowed = _NEEDED[self.template], _ALLOWED[self.template]
        asked = {question.kind: question.id for question in self.questions}
        for kind, name in asked.items():
            if kind not in allowed or (allowed[kind] and allowed[kind] != name):
                may = ", ".join(f"{one} (id {its})" if its else one for one, its in allowed.items())
                msg = f"the question {name} of kind {kind} is none that the template {self.template} asks: {may}"
                raise ValueError(msg)
        for kind, name in needed.items():
            if kind not in asked:
                msg = f"the template {self.template} needs a question of kind {kind} with the id {name}"
                raise ValueError(msg)
        if (self.assistance is not None) != (self.template == "ai-assistance"):
            msg = "the section assistance belongs to the template ai-assistance, and that needs it"
            raise ValueError(msg)
        if self.assistance and len(self.assistance.not_before) > self.assistance.sessions:
            msg = "assistance.not_before names more days than the design has sessions"
            raise ValueError(msg)
        if self.assistance and self.assistance.sessions > 1 and self.design.repeats > 0:
            msg = "in a crossover every case comes twice already; set design.repeats to 0"
            raise ValueError(msg)

    @property
    def checks(self) -> list[Checks]:
        """The check-lists."""
        return [question for question in self.questions if isinstance(question, Checks)]

    def public_texts(self) -> Iterator[str]:
        """Yield every text that the study addresses to its readers, in all languages."""
        texts: list[Text] = [self.title, self.introduction]
        for question in self.questions:
            texts += question_texts(question)
        if self.assistance:
            texts.append(self.assistance.output)
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
    tiles = study.template == "tile-plausibility"
    if (study.items.tile_um is not None and study.items.slides is None) or (
        tiles and study.items.slides is not None and study.items.tile_um is None
    ):
        raise ConfigError(f"{path}: items.slides and items.tile_um go together; give both or neither.")
    return study
