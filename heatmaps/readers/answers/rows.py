"""Answers and the key to rows of the tidy table. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.kit.questions import SIDES, Checks, Prefer, Sides

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from heatmaps.readers.answers.answer_file import Answer
    from heatmaps.readers.kit.item import Item
    from heatmaps.readers.kit.key import Key, Showing
    from heatmaps.readers.kit.study_file import ReaderStudy

COLUMNS = (
    "reader",
    "item",
    "group",
    "question",
    "answer",
    "seconds",
    "repeat_of",
    "kind",
    "patient",
    "position",
    "edits",
    "deviation",
    "left",
    "right",
    "session",
    "reading",
    "truth",
    "ai",
)


def positions(showings: Sequence[Showing]) -> dict[str, int]:
    """Return each showing's place in the reader's order, training cases left out; two stages share their place."""
    found: dict[str, int] = {}
    count = 0
    for one in showings:
        if not one.training:
            count += not one.ground
            found[one.opaque] = count
    return found


def rows(
    key: Key,
    reader: str,
    showings: Sequence[Showing],
    answers: Mapping[str, Answer],
    against: Mapping[str, Sequence[str]],
) -> Iterator[dict[str, str]]:
    """Yield one row per question of every picture that was answered, training cases left out.

    Parameters
    ----------
    answers, against
        Answers, and what speaks against them, by opaque name.
    """
    items = {item.item: item for item in key.items}
    places = positions(showings)
    for one in showings:
        answer, item = answers.get(one.opaque), items[one.item]
        if one.training or answer is None:
            continue
        sides = _methods(one, item)
        common = {
            "reader": reader,
            "item": f"{one.item}-again" if one.again else one.item,
            "group": item.group,
            "seconds": f"{answer.seconds:g}",
            "repeat_of": one.item if one.again else "",
            "kind": item.kind,
            "patient": item.patient,
            "position": str(places[one.opaque]),
            "edits": str(answer.edits),
            "deviation": "; ".join(against.get(one.opaque, [])),
            "left": sides.get("left", ""),
            "right": sides.get("right", ""),
            "session": one.session,
            "reading": one.reading,
            "truth": item.truth,
            "ai": item.ai,
        }
        for question, value in _values(key.study, answer, sides):
            yield common | {"question": question, "answer": value}


def _methods(one: Showing, item: Item) -> dict[str, str]:
    """Return which method stood at which side."""
    if not one.left:
        return {}
    a, b = item.method_a, item.method_b
    return {"left": a, "right": b} if one.left == "a" else {"left": b, "right": a}


def _values(study: ReaderStudy, answer: Answer, sides: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for question in study.questions:
        if isinstance(question, Sides):
            for side in SIDES:
                yield f"{question.id}.{sides[side]}", str(answer.values[f"{question.id}.{side}"])
            continue
        value = answer.values[question.id]
        if isinstance(question, Checks):
            for option in question.options:
                yield f"{question.id}.{option.id}", str(int(isinstance(value, list) and option.id in value))
        elif isinstance(question, Prefer):
            yield question.id, sides.get(str(value), str(value))
        else:
            yield question.id, str(value)
