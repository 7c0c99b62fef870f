"""Both languages say the same, and say all of it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from heatmaps.drawing.colours import symmetric_scale, upward_scale
from heatmaps.methods import METHODS
from heatmaps.report import words as room
from heatmaps.report.numbers import Numbers
from heatmaps.report.words import LANGUAGES, Words
from heatmaps.slide.options import CohortScale
from pipelines.errors import ConfigError

FOLDER = Path(room.__file__).parent / "wording"
TAGS = re.compile(r"</?[a-z]+[^>]*>")


def sentences(language: str) -> dict[str, str]:
    found = tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8"))
    found.pop("methods", None)
    flat = {name: text for name, text in found.items() if isinstance(text, str)}
    return flat | {
        f"{part}.{name}": text for part, own in found.items() if isinstance(own, dict) for name, text in own.items()
    }


def test_every_sentence_is_there_in_both_with_the_same_values_and_marks() -> None:
    english, german = (sentences(language) for language in LANGUAGES)
    assert list(english) == list(german)
    for name, text in english.items():
        assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", german[name])), name
        assert sorted(TAGS.findall(text)) == sorted(TAGS.findall(german[name])), name
        assert text.strip()
        assert german[name].strip()


def test_every_method_speaks_both() -> None:
    for made in METHODS.values():
        method = made(None) if made.name == "occlusion" else made()
        english, german = (Words(language).method(method) for language in LANGUAGES)
        assert english == {name: getattr(method, name) for name in ("title", "unit", "shows", "misleads")}
        for name in ("shows", "misleads"):
            assert english[name] != german[name]


def test_values_are_escaped_and_marks_are_not() -> None:
    said = Words("en")(
        "result.exact",
        **dict.fromkeys(
            (
                "probability",
                "label",
                "count_for",
                "count_against",
                "sum_for",
                "sum_against",
                "bias",
                "for_term",
                "against_term",
                "logit",
            ),
            "<b>",
        ),
    )
    assert "<b>" not in said
    assert "&lt;b&gt;" in said
    assert '<span class="for">' in said


def test_german_numbers_have_german_signs() -> None:
    numbers = Numbers(Words("de"))
    assert numbers.percent(0.873) == "87,3 %"
    assert numbers.signed(-1.5) == "−1,500"
    assert numbers.count(12345) == "12.345"
    assert numbers.odds(0.04) == "Odds × 1,041"


def test_every_rule_of_a_scale_is_translated() -> None:
    values = np.array([1.0, 2.0])
    rules = [symmetric_scale(values), symmetric_scale(values, 1.0), symmetric_scale(np.zeros(2)), upward_scale(values)]
    rules += [upward_scale(values, fixed=3.0), symmetric_scale(values, 1.0, CohortScale({}, 1234).rule)]
    for scale in rules:
        assert Numbers(Words("en")).rule(scale) == scale.rule
        assert Numbers(Words("de")).rule(scale) != scale.rule


def test_another_language_is_refused() -> None:
    with pytest.raises(ConfigError, match="'fr'"):
        Words("fr")
