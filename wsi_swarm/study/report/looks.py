"""How each arm looks, in every figure and without colour too: one colour, one marker, one dash."""

from __future__ import annotations

from dataclasses import dataclass

from models.evaluation.plots import COLOURS

LOCAL, MERGED, EQUAL, WEIGHTED = "local", "merged", "swarm basic", "swarm weighted"
BEST_LOCAL, MEAN_LOCAL = "best local", "mean local"

INK = "#1b1b1b"
SOFT = "#4a4a4a"
FAINT = "#c9c9c9"
POSITIVE = COLOURS[3]
NEGATIVE = "#dcdcdc"


@dataclass(frozen=True)
class Look:
    """How an arm is drawn.

    Attributes
    ----------
    colour, words
        Of marks and lines; of words, which need a darker one to be read on white (contrast of 4.5 and more).
    marker
        ``circle``, ``square``, ``triangle`` or ``diamond``.
    filled, dash
        Of the marker, and of a line.
    """

    colour: str
    words: str
    marker: str
    filled: bool = True
    dash: str = ""


LOOKS = {
    LOCAL: Look(COLOURS[0], "#005a8c", "circle"),
    BEST_LOCAL: Look(COLOURS[0], "#005a8c", "circle"),
    MEAN_LOCAL: Look(COLOURS[0], "#005a8c", "circle", filled=False, dash="2 3"),
    MERGED: Look(COLOURS[6], "#000000", "square", dash="7 3"),
    EQUAL: Look(COLOURS[2], "#006b4e", "triangle", dash="9 3 2 3"),
    WEIGHTED: Look(COLOURS[1], "#9c3d00", "diamond"),
}


def look_of(model: str) -> Look:
    """Return the look of an arm or of a model that begins with an arm's name, such as ``local north``."""
    for name in (model, *(arm for arm in LOOKS if model.startswith(f"{arm} "))):
        if name in LOOKS:
            return LOOKS[name]
    return Look(SOFT, SOFT, "circle", filled=False)
