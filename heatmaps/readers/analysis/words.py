"""The report's words in a language, numbers as that language writes them, and the reasons of the statistics."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from heatmaps.readers.analysis.terms import Word
from heatmaps.readers.statistics.measures import Absent, Interval, Measure, Test
from models.evaluation.estimates import Proportion
from models.evaluation.wording import NONE, number, signed

if TYPE_CHECKING:
    from heatmaps.readers.analysis.found import Cell, Said
    from heatmaps.readers.analysis.terms import Unit

Language = Literal["en", "de"]
_FOLDER = Path(__file__).parent / "wording"
_HOLES = re.compile(r"\{(\w+)\}")


class Words:
    """The words of one language.

    Parameters
    ----------
    language
        ``en`` or ``de``.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self._told = tomllib.loads((_FOLDER / f"{language}.toml").read_text("utf-8"))
        self._reasons = [(_pattern(one["en"]), one["said"]) for one in self._told.get("reasons", [])]

    def page(self, key: str) -> str:
        """Return a word of the page itself."""
        return str(self._told["page"][key])

    def column(self, name: str) -> str:
        """Return a column's heading."""
        return str(self._told["column"][name])

    def sheet(self, name: str) -> dict[str, str]:
        """Return a table's title, and the note under it if there is one."""
        return dict(self._told["sheet"][name])

    def section(self, name: str) -> dict[str, str]:
        """Return a section's heading and what stands under it."""
        return dict(self._told["section"][name])

    def figure(self, name: str, part: str) -> str:
        """Return a figure's title, axis or what stands beside its legend; empty if it has none."""
        return str(self._told["figure"][name].get(part, ""))

    def name(self, label: str | Word) -> str:
        """Return a name of the study as it is, and a word of the report in this language."""
        return label if isinstance(label, str) else str(self._told["word"][label.key])

    def finding(self, said: Said) -> tuple[str, str]:
        """Return what a finding is about, and what was found."""
        values = {key: self._spoken(cell, unit) for key, (cell, unit) in said.values.items()}
        about, _, rest = str(self._told["said"][said.key]).partition("|")
        numbers = [cell for cell, unit in said.values.values() if unit not in {"text", "count", "p"}]
        absent = [cell for cell in numbers if isinstance(cell, Absent)]
        if absent and len(absent) == len(numbers):
            return about.format(**values), f"{self.page('not_given')}: {self.reason(absent[0])}."
        return about.format(**values), rest.format(**values)

    def sentence(self, said: Said) -> str:
        """Return a sentence with its values."""
        return ": ".join(filter(None, self.finding(said)))

    def reason(self, absent: Absent) -> str:
        """Return why there is no number, in this language where it is known."""
        for pattern, said in self._reasons:
            match = pattern.fullmatch(absent.reason)
            if match:
                return str(said).format(**{k: self._told["inner"].get(v, v) for k, v in match.groupdict().items()})
        return absent.reason

    def cell(self, cell: Cell, unit: Unit) -> str:
        """Return a cell's text: a value with its interval in brackets, a dash for what is absent."""
        if isinstance(cell, Measure | Proportion):
            ends = cell.interval if isinstance(cell, Measure) else cell
            value = self._number(cell.value, unit)
            return value if isinstance(ends, Absent) else f"{value} ({self._ends(ends, unit)})"
        if isinstance(cell, Test):
            return self._p(cell.p)
        if cell is None or isinstance(cell, Absent):
            return NONE
        if isinstance(cell, str | Word):
            return self.name(cell)
        return self._p(cell) if unit == "p" else self._number(cell, unit)

    def tick(self, value: float, unit: Unit) -> str:
        """Return a number on an axis or a bar, as short as it can be."""
        if unit in {"share", "points"}:
            return self._local(
                f"{round(100 * value, 6):g}".replace("-", "−") if unit == "points" else f"{round(100 * value):d} %"
            )
        return self._local(f"{round(value, 6):g}".replace("-", "−"))

    def _spoken(self, cell: Cell, unit: Unit) -> str:
        if isinstance(cell, Absent):
            return f"{self.page('not_given')} ({self.reason(cell)})"
        text = self.cell(cell, unit)
        if unit == "points":
            return f"{text} {self.page('points')}"
        return text if unit != "p" or text.startswith("<") else f"= {text}"

    def _ends(self, ends: Interval | Proportion, unit: Unit) -> str:
        low, high = (self._number(end, unit).removesuffix(" %") for end in (ends.low, ends.high))
        return f"{low} {self.page('to')} {high}"

    def _number(self, value: float, unit: Unit) -> str:
        if unit == "count":
            return f"{value:.0f}"
        if unit in {"share", "points"}:
            digits = number(100 * value, 1) + " %" if unit == "share" else signed(100 * value, 1)
            return self._local(digits)
        if unit in {"mean", "steps", "precise", "seconds"}:
            precise = f"{value:.7g}".replace("-", "−")
            told = {
                "precise": precise,
                "mean": number(value, 2),
                "steps": signed(value, 2),
                "seconds": number(value, 1),
            }[unit]
            return self._local(told)
        return self._local(signed(value, 3) if unit == "signed" else number(value, 3))

    def _p(self, value: float) -> str:
        return self._local("< 0.001" if value < 0.001 else f"{value:.3f}")

    def _local(self, text: str) -> str:
        return text.replace(".", ",") if self.language == "de" else text


def _pattern(told: str) -> re.Pattern[str]:
    """Return the expression that a sentence with holes matches."""
    parts, at = [], 0
    for hole in _HOLES.finditer(told):
        parts += [re.escape(told[at : hole.start()]), f"(?P<{hole.group(1)}>.+)"]
        at = hole.end()
    return re.compile("".join([*parts, re.escape(told[at:])]))
