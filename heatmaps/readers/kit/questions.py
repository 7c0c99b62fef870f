"""Questions of the templates, and what counts as an answer to each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Iterator

Language = Literal["en", "de"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
CANNOT_JUDGE, EQUAL = "cannot_judge", "equal"
SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
MOST_PERCENT = 100


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


class Sides(Strict):
    """A judgement from 1 to 5 of the left picture and one of the right; their ids end with ``.left`` and ``.right``."""

    kind: Literal["sides"]
    id: Name
    text: Text
    meaning: Text
    low: Text
    high: Text
    cannot_judge: bool = True


class Prefer(Strict):
    """Left, right, equal or cannot judge."""

    kind: Literal["prefer"]
    id: Name
    text: Text
    meaning: Text


class Percent(Strict):
    """A number from 0 to 100."""

    kind: Literal["percent"]
    id: Name
    text: Text
    meaning: Text
    low: Text
    high: Text


class Decision(Strict):
    """Yes or no."""

    kind: Literal["decision"]
    id: Name
    text: Text
    meaning: Text


Question = Annotated[Checks | Scale | Sides | Prefer | Percent | Decision, Field(discriminator="kind")]


def asked_ids(question: Question) -> list[str]:
    """Return under which ids the page keeps a question's answers."""
    return [f"{question.id}.{side}" for side in SIDES] if isinstance(question, Sides) else [question.id]


def is_answer(question: Question, value: object) -> bool:
    """Return whether a page can have written this value for a question."""
    if isinstance(question, Checks):
        options = {option.id: option.alone for option in question.options}
        ticked = value if isinstance(value, list) else ["?"]
        if len(set(ticked)) != len(ticked) or not set(ticked) <= set(options):
            return False
        if len(ticked) > 1 and any(options[one] for one in ticked):
            return False
        return len(ticked) > 0 or not any(options.values())
    if isinstance(question, Prefer):
        return value in (*SIDES, EQUAL, CANNOT_JUDGE)
    if isinstance(question, Scale | Sides) and value == CANNOT_JUDGE:
        return question.cannot_judge
    low, high = {"percent": (0, MOST_PERCENT), "decision": (0, 1)}.get(question.kind, (1, 5))
    return isinstance(value, int) and low <= value <= high


def question_texts(question: Question) -> Iterator[Text]:
    """Yield every text that a question shows."""
    yield question.text
    if isinstance(question, Checks):
        for option in question.options:
            yield from (option.text, option.meaning)
    else:
        yield question.meaning
    if isinstance(question, Scale | Sides | Percent):
        yield from (question.low, question.high)
