"""Are the answers of this study, and were they given as the protocol says?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.answers.answer_file import NotAsDownloaded
from heatmaps.readers.kit.questions import asked_ids, is_answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from heatmaps.readers.answers.answer_file import Answer, AnswerFile
    from heatmaps.readers.kit.key import Key, MadeKits, Showing
    from heatmaps.readers.kit.study_file import ReaderStudy

TOO_FAST, OUT_OF_ORDER, CONFLICT = "too fast", "out of order", "answered twice"


def refuse_foreign(path: Path, file: AnswerFile, key: Key, key_sha256: str, made: MadeKits) -> None:
    """Refuse a file that is not of a kit of this key.

    Raises
    ------
    NotAsDownloaded
        With what does not agree.
    """
    if file.key_sha256 != key_sha256:
        msg = f"{path} belongs to another key (SHA-256 {file.key_sha256[:16]}…, here {key_sha256[:16]}…)"
        raise NotAsDownloaded(msg)
    kit = next((kit for kit in made.kits if kit.reader == file.reader), None)
    if kit is None:
        raise NotAsDownloaded(f"{path} is of reader {file.reader}, who has no kit of this key")
    if kit.kit_sha256 != file.kit_sha256:
        msg = f"{path} comes from another kit than the one that was made for reader {file.reader}; its kit was changed"
        raise NotAsDownloaded(msg)
    if (file.study, file.protocol) != (key.study.name, key.study.protocol):
        msg = f"{path} is of study {file.study}, protocol {file.protocol}; the key of {key.study.name}, "
        raise NotAsDownloaded(msg + key.study.protocol)
    readings = {one.opaque: one.reading for one in key.showings[file.reader]}
    seen: set[str] = set()
    for answer in file.answers:
        if answer.item not in readings:
            raise NotAsDownloaded(f"{path} answers picture {answer.item}, which is not in the kit of {file.reader}")
        if answer.item in seen:
            raise NotAsDownloaded(f"{path} answers picture {answer.item} twice")
        if readings[answer.item] == "before" and answer.edits:
            raise NotAsDownloaded(
                f"{path}, picture {answer.item}: a first answer was changed, which the kit never allows"
            )
        seen.add(answer.item)
        _refuse_values(path, answer, key.study)


def _refuse_values(path: Path, answer: Answer, study: ReaderStudy) -> None:
    asked = {name: question for question in study.questions for name in asked_ids(question)}
    if set(answer.values) != set(asked):
        raise NotAsDownloaded(f"{path}, picture {answer.item}: answers other questions than the study asks")
    for name, question in asked.items():
        value = answer.values[name]
        if not is_answer(question, value):
            raise NotAsDownloaded(f"{path}, picture {answer.item}: {value!r} is no answer to {name}")


def deviations(showings: Sequence[Showing], answers: Mapping[str, Answer], min_seconds: float) -> dict[str, list[str]]:
    """Return what speaks against answers, by opaque name: too fast, or seen before a picture that comes first."""
    found: dict[str, list[str]] = {}
    latest = ""
    for one in showings:
        answer = answers.get(one.opaque)
        if answer is None:
            continue
        if answer.seconds < min_seconds:
            found.setdefault(one.opaque, []).append(TOO_FAST)
        # ISO times in UTC sort as text.
        if answer.shown < latest or answer.answered < answer.shown:
            found.setdefault(one.opaque, []).append(OUT_OF_ORDER)
        latest = max(latest, answer.shown)
    return found
