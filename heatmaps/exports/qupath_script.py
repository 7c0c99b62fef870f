"""The script that shows a heatmap in QuPath: it reads the GeoJSON beside it and sets the measurement map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from heatmaps.drawing.colours import colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heatmaps.slide.explained import ExplainedSlide

NAME = "open-in-qupath.groovy"
_STEPS = 33


def qupath_script(explained: ExplainedSlide, names: Sequence[str]) -> str:
    """Return the script, for QuPath 0.5 and later.

    Parameters
    ----------
    explained : ExplainedSlide
    names : sequence of str
        Each target as part of a file name, as in ``qupath-<name>.geojson``.
    """
    import numpy as np

    maps = []
    for one, scale, name in zip(explained.scores, explained.scales, names, strict=True):
        measurement = f"{one.label} {one.measures[0].words}"
        maps.append(
            f"  [file: {_quoted(f'qupath-{name}.geojson')}, measurement: {_quoted(measurement)}, "
            f"low: {scale.low!r}d, high: {scale.clip!r}d],"
        )
    signed = explained.method.signed
    rgb = colour(np.linspace(-1.0 if signed else 0.0, 1.0, _STEPS), 1.0, signed)
    known = "size_origin" not in explained.features.attrs
    values = {
        "@SIZE@": str(list(explained.features.slide_size)) if known else "null",
        **{f"@{letter}@": ", ".join(map(str, rgb[:, at].tolist())) for at, letter in enumerate("RGB")},
        # Last: labels may hold anything.
        "@MAPS@": "\n".join(maps),
    }
    text = (Path(__file__).parent / "templates" / NAME).read_text("utf-8")
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text


def _quoted(text: str) -> str:
    """Return a Groovy string: in single quotes nothing is interpolated."""
    safe = "".join(c if c.isascii() and c.isprintable() and c not in "\\'" else _escaped(c) for c in text)
    return f"'{safe}'"


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
