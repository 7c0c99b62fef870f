"""The report in both languages, by its words and in a real browser."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import heatmaps.readers.analysis as analysis_package
import heatmaps.readers.statistics as statistics_package
from heatmaps.readers.analysis.analyse import Options, analyse
from heatmaps.readers.analysis.files import as_document, write_analysis
from heatmaps.readers.analysis.words import Words
from heatmaps.readers.statistics.measures import Absent
from tests.chromium import Chromium
from tests.heatmaps.readers.analysis.simulated import plausibility, preference, with_ai, write_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heatmaps.readers.analysis.words import Language

WORDING = Path(analysis_package.__path__[0]) / "wording"
OUTSIDE = """[...document.querySelectorAll("svg text")].filter((text) => {
  const own = text.getBoundingClientRect(), all = text.ownerSVGElement.getBoundingClientRect();
  return own.left < all.left - 1 || own.right > all.right + 1 || own.top < all.top - 1 || own.bottom > all.bottom + 1;
}).map((text) => text.textContent)"""
MAKERS = {"plausibility": plausibility, "preference": preference, "with_ai": with_ai}


def written(folder: Path, rows: list[dict[str, object]], language: Language = "en", **options: Any) -> Path:
    folder.mkdir()
    analysis = analyse(write_table(folder / "t.csv", rows), Options(**options))
    return write_analysis(folder / "out", analysis, as_document(analysis, "test"), language)[0]


def keys(told: dict[str, Any], before: str = "") -> Iterator[str]:
    for name, value in told.items():
        if isinstance(value, dict):
            yield from keys(value, f"{before}{name}.")
        elif name != "reasons":
            yield before + name


def test_both_languages_have_the_same_words_and_holes() -> None:
    english, german = (tomllib.loads((WORDING / f"{code}.toml").read_text("utf-8")) for code in ("en", "de"))
    assert set(keys(english)) == {key for key in keys(german) if not key.startswith("inner.")}
    for name, sentence in english["said"].items():
        assert sorted(re.findall(r"\{\w+\}", sentence)) == sorted(re.findall(r"\{\w+\}", german["said"][name])), name


def reasons_in(package: Any) -> Iterator[str]:
    """Yield every sentence that the sources give for an absent number, with 7 for what is put in."""
    for path in Path(package.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Absent":
                told = node.args[0]
                parts = told.values if isinstance(told, ast.JoinedStr) else [told]
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in parts)


def test_every_reason_for_an_absent_number_is_said_in_german() -> None:
    found = {*reasons_in(statistics_package), *reasons_in(analysis_package)}
    assert len(found) > 25
    german = Words("de")
    assert [reason for reason in found if german.reason(Absent(reason)) == reason] == []


def test_a_reason_keeps_its_numbers_in_german() -> None:
    told = Words("de").reason(Absent("there are too few cases for an interval (3; at least 5 are needed)"))
    assert told == "für ein Intervall zu wenige Fälle (3; nötig sind mindestens 5)"


def test_names_of_a_study_are_escaped_everywhere(tmp_path: Path) -> None:
    rows = [{**row, "group": f"<i>{row['group']}</i>"} for row in plausibility()]
    page = written(tmp_path / "a", rows).read_text("utf-8")
    assert "<i>" not in page
    assert "&lt;i&gt;swarm&lt;/i&gt;" in page


def test_equal_answers_and_seed_give_equal_reports_and_another_seed_stands_in_them(tmp_path: Path) -> None:
    pages = [written(tmp_path / str(i), preference(), seed=seed) for i, seed in enumerate((1, 1, 2))]
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert pages[0].read_bytes() != pages[2].read_bytes()
    documents = [(page.parent / "analysis.json").read_text() for page in pages]
    assert documents[0] == documents[1]
    assert '"seed": 2' in documents[2]


def test_german_writes_numbers_with_commas_and_files_stay_english(tmp_path: Path) -> None:
    english, german = (written(tmp_path / code, with_ai(), code) for code in ("en", "de"))  # type: ignore[arg-type]
    assert re.search(r"\d,\d{3} \(\d,\d{3} bis \d,\d{3}\)", german.read_text("utf-8"))
    assert 'lang="de"' in german.read_text("utf-8")
    for name in ("mrmc.csv", "accuracy.csv", "analysis.json", "readings.imrmc"):
        assert (english.parent / name).read_bytes() == (german.parent / name).read_bytes()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    (tmp_path / "browser").mkdir()
    made = Chromium(tmp_path / "browser")
    yield made
    made.close()


@pytest.mark.browser
@pytest.mark.parametrize(("language", "width", "height"), [("en", 1280, 800), ("de", 820, 1180)])
@pytest.mark.parametrize("template", MAKERS)
def test_the_report_opens_alone_and_is_accessible(
    browser: Chromium, tmp_path: Path, template: str, language: Language, width: int, height: int
) -> None:
    page = written(tmp_path / "study", MAKERS[template](), language)
    browser.open(page, width, height)
    assert browser.complaints == []
    assert {url.split(":")[0] for url in browser.requests} <= {"file", "data"}
    assert browser.accessibility() == []
    # Nothing runs out of the window; wide tables and figures move within their own frame.
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    # No words of a figure leave it, with the fonts of this machine.
    assert browser.evaluate(OUTSIDE) == []
    assert browser.evaluate("document.querySelectorAll('svg').length") >= 2


def answered(rows: list[dict[str, object]], question: str, answer: object) -> list[dict[str, object]]:
    return [{**row, "answer": answer} if row["question"] == question else row for row in rows]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (plausibility(readers=1, patients=1)[:4], "There is one reader"),
        (answered(plausibility(), "supports", "cannot_judge"), "at least one counted feature in 63.3 %"),
        ([row for row in plausibility() if row["question"] == "supports"], "mean support 3.34"),
        (answered(preference(), "prefer", "equal"), "too few cases with a preference (0; at least 5 are needed)"),
        (answered(preference(), "prefer", "cannot_judge"), "not given: there is no answer."),
        (with_ai(readers=1), "(other cases only)"),
        (with_ai(readers=2, cases=12), "0.000 to 1.000"),
        ([{**row, "truth": "", "ai": ""} for row in with_ai()], "the advice cannot be judged"),
    ],
)
def test_thin_tables_give_sentences_and_never_a_number_that_is_none(
    tmp_path: Path, rows: list[dict[str, object]], sentence: str
) -> None:
    page = written(tmp_path / "a", rows).read_text("utf-8")
    assert sentence in page.replace("\u00a0", " ")
    assert not re.search(r"\b(nan|None|inf)\b", page)
    assert not re.search(r"\b(nan|NaN|Infinity)\b", (tmp_path / "a" / "out" / "analysis.json").read_text("utf-8"))
    german = written(tmp_path / "b", rows, "de").read_text("utf-8")
    assert not re.search(r"<p class=\"why\">.*\b(there|the|are|is)\b", german)
