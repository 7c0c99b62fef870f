"""Which names a kit must not hold, from the key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heatmaps.readers.kit.key import Key

SHORTEST = 3


@dataclass(frozen=True)
class SecretName:
    """A name and what it names; ``public`` where the study's own texts may use it, such as a class in a question."""

    text: str
    what: str
    public: bool = False

    @property
    def telling(self) -> bool:
        """Whether finding it means anything: "1" or "12" is in every file by chance."""
        return len(self.text) >= SHORTEST and not (self.text.isdigit() and len(self.text) <= SHORTEST)


def secret_names(key: Key) -> list[SecretName]:
    """Return every name that must not be told, each once, longest first."""
    found: dict[str, SecretName] = {}
    for name in _all_names(key):
        text = name.text.strip()
        known = found.get(text.lower())
        # A text that names both a class and a slide is as secret as the slide.
        if text and (known is None or known.public):
            found[text.lower()] = SecretName(text, name.what, name.public and (known is None or known.public))
    return sorted(found.values(), key=lambda name: (-len(name.text), name.text))


def _all_names(key: Key) -> Iterator[SecretName]:
    yield SecretName(key.secret, "the study's secret")
    yield SecretName(key.study.items.table, "the table of items")
    for item in key.items:
        yield SecretName(item.group, "a group", public=True)
        yield SecretName(item.klass, "a class", public=True)
        yield from _path_names(item.slide, "a slide")
        for picture in (item.picture, item.picture_a, item.picture_b, item.ai_picture):
            yield from _path_names(picture, "a source picture")
        for table in (item.scores, item.scores_a, item.scores_b):
            yield from _table_names(table)
        for method in item.methods:
            yield SecretName(method, "a method")
        for measure in (item.measure, item.measure_a, item.measure_b):
            yield SecretName(measure, "a measure", public=True)
        yield SecretName(item.target, "a target", public=True)
        yield SecretName(item.patient, "a patient")
        yield SecretName(item.centre, "a centre")
        yield SecretName(item.model, "a model")
        yield SecretName(item.score, "a score")
        if item.slide and not item.whole:
            yield SecretName(f"{item.x:.0f}_{item.y:.0f}", "a tile's place")
            yield SecretName(f"{item.x:.0f},{item.y:.0f}", "a tile's place")


def _table_names(text: str) -> Iterator[SecretName]:
    """``heatmap`` calls every table scores.csv, and names its folder after a slide or model."""
    path = PurePosixPath(text.replace("\\", "/"))
    if text and path.name == "scores.csv":
        yield SecretName(text, "a score table")
        for folder in path.parts[:-1]:
            yield SecretName(folder, "a folder of scores", public=True)
    else:
        yield from _path_names(text, "a score table")


def _path_names(text: str, what: str) -> Iterator[SecretName]:
    if text:
        path = PurePosixPath(text.replace("\\", "/"))
        yield SecretName(text, what)
        yield SecretName(path.name, what)
        yield SecretName(path.stem, what)


def word(name: str) -> re.Pattern[str]:
    """Return a pattern that finds a name as a word, in upper or lower case, with any mark where it has one."""
    parts = [re.escape(part) for part in re.split(r"[\W_]+", name) if part]
    body = r"[\W_]{0,2}".join(parts) if parts else re.escape(name)
    return re.compile(rf"(?<![^\W_]){body}(?![^\W_])", re.IGNORECASE)
