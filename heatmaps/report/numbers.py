"""Numbers of a page, in its language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heatmaps.drawing.wording import odds_factor, percent, signed, signed_significant, times

if TYPE_CHECKING:
    from collections.abc import Callable

    from heatmaps.drawing.colours import Scale
    from heatmaps.methods import Method
    from heatmaps.report.words import Words

_RULES = {
    "fixed by the user": "fixed",
    "99th percentile of the absolute values": "percentile_signed",
    "99th percentile of the values": "percentile",
    "largest absolute value": "largest_signed",
    "largest value": "largest",
    "the largest value that there can be": "end",
}
_COHORT_RULE = re.compile(r"99th percentile of the absolute values over the cohort \(slides: ([\d,]+)\)")


class Numbers:
    """Writes numbers with the signs of a language."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.percent = self._localised(percent)
        self.signed = self._localised(signed)
        self.significant = self._localised(signed_significant)
        self.times = self._localised(times)

    def _localised(self, write: Callable[[float], str]) -> Callable[[float], str]:
        return lambda value: self.words.number(write(value))

    def count(self, number: int) -> str:
        """Return a whole number with its thousands marked."""
        return self.words.number(f"{number:,}")

    def short(self, value: float, digits: int = 3) -> str:
        """Return a number with so many significant digits."""
        return self.words.number(f"{value:.{digits}g}").replace("-", "−")

    def fixed(self, value: float, digits: int = 2) -> str:
        """Return a number with so many digits after the point."""
        return self.words.number(f"{value:.{digits}f}").replace("-", "−")

    def odds(self, value: float) -> str:
        """Return what adding ``value`` log-odds does to the odds."""
        factor = odds_factor(value).rsplit(" ", 1)[1]
        return self.words("target.odds", factor=self.words.number(factor))

    def tile(self, method: Method, value: float) -> str:
        """Return a tile's number."""
        return self.significant(value) if method.signed else self.short(value)

    def clip(self, scale: Scale, digits: int = 3) -> str:
        """Return where the colours end."""
        return ("±" if scale.signed else "") + self.short(scale.clip, digits)

    def rule(self, scale: Scale) -> str:
        """Return how the end of the colours was chosen; a rule of another module in its own words."""
        cohort = _COHORT_RULE.fullmatch(scale.rule)
        if cohort:
            return self.words("rules.cohort", n=self.words.number(cohort[1]))
        key = _RULES.get(scale.rule)
        return self.words(f"rules.{key}") if key else scale.rule
