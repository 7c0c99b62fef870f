"""The viewer as parts of a page: markup, style and scripts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from pipelines.page import page_templates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heatmaps.report.words import Words

_PARTS = Path(__file__).parent
_OPENSEADRAGON = _PARTS.parent / "vendor" / "openseadragon"
_SCRIPTS = ("core.js", "layer.js", "stage.js", "panel.js", "wiring.js")
OPENSEADRAGON = "6.1.1"
"""The vendored version."""


@dataclass(frozen=True)
class ViewerParts:
    """Markup, and the whole text of style and scripts, for the content policy."""

    html: Markup
    css: str
    library: str
    script: str


def viewer_parts(words: Words, labels: Sequence[str], methods: Sequence[tuple[str, str]], overlap: bool) -> ViewerParts:
    """Return the viewer's parts.

    Parameters
    ----------
    words : Words
    labels : sequence of str
        Of the targets.
    methods : sequence of (str, str)
        Name and title; none where there is no heatmap.
    overlap : bool
        Whether tiles overlap.
    """
    template = page_templates(_PARTS).get_template("viewer.html.j2")
    html = template.render(w=words, labels=labels, methods=methods, layers=bool(methods), overlap=overlap)
    script = "".join((_PARTS / name).read_text("utf-8") for name in _SCRIPTS)
    return ViewerParts(
        # Made by a template that escapes what it is given.
        html=Markup(html),  # noqa: S704
        css=(_PARTS / "viewer.css").read_text("utf-8"),
        library=_library(),
        script='"use strict";\n(function () {\n' + script + "})();\n",
    )


def viewer_words(words: Words) -> dict[str, str]:
    """Return the sentences that the viewer's script fills itself."""
    return words.section("viewer")


def licence() -> str:
    """Return the licence text of the vendored library."""
    return (_OPENSEADRAGON / "LICENSE.txt").read_text("utf-8")


@cache
def _library() -> str:
    return (_OPENSEADRAGON / "openseadragon.min.js").read_text("utf-8")
