"""What a page says, in the reader's language: sentences from ``wording/*.toml``, numbers with its decimal sign."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from heatmaps.methods import Method

LANGUAGES = ("en", "de")
_WORDING = Path(__file__).parent / "wording"
_GERMAN_SIGNS = str.maketrans(".,", ",.")


class Words:
    """Sentences of one language.

    Attributes
    ----------
    lang : str
        ``en`` or ``de``, as the page's ``lang`` states it.
    """

    def __init__(self, lang: str) -> None:
        if lang not in LANGUAGES:
            msg = f"--language is {lang!r}, and pages are written in {' or '.join(LANGUAGES)}"
            raise ConfigError(msg)
        self.lang, self._said = lang, _wording(lang)

    def __call__(self, key: str, **values: Any) -> Markup:
        """Return the sentence of ``section.name`` with its values in place, every value escaped."""
        return Markup(self.plain(key)).format(**values)  # noqa: S704 (the project's own sentences)

    def plain(self, key: str) -> str:
        """Return a sentence with its placeholders, as the page's script fills them."""
        said: Any = self._said
        for part in key.split("."):
            said = said[part]
        return said.replace("\n", " ")

    def section(self, name: str) -> dict[str, str]:
        """Return all sentences of a section with their placeholders."""
        return {key: self.plain(f"{name}.{key}") for key in self._said[name]}

    def number(self, text: str) -> str:
        """Return a number that was written the English way with this language's signs."""
        return text.translate(_GERMAN_SIGNS) if self.lang == "de" else text

    def method(self, method: Method) -> dict[str, str]:
        """Return title, unit, what it shows and where it misleads."""
        own: dict[str, str] = self._said.get("methods", {}).get(method.name, {})
        return {name: own.get(name, getattr(method, name)) for name in ("title", "unit", "shows", "misleads")}


@cache
def _wording(lang: str) -> dict[str, Any]:
    return tomllib.loads((_WORDING / f"{lang}.toml").read_text("utf-8"))
