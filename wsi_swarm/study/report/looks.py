"""How each arm looks, in every figure and without colour too: one colour, one marker, one dash."""

from __future__ import annotations

from dataclasses import dataclass

from models.evaluation.plots import COLOURS

LOCAL, MERGED, EQUAL, WEIGHTED = "local", "merged", "swarm equal", "swarm weighted"
BEST_LOCAL, MEAN_LOCAL = "best local", "mean local"

INK = "#1b1b1b"
SOFT = "#4a4a4a"
FAINT = "#c9c9c9"
POSITIVE = COLOURS[3]
NEGATIVE = "#dcdcdc"


@dataclass(frozen=True)
class Look:
    """Colour, marker (``circle``, ``square``, ``triangle`` or ``diamond``), whether it is filled, and dashes."""

    colour: str
    marker: str
    filled: bool = True
    dash: str = ""


LOOKS = {
    LOCAL: Look(COLOURS[0], "circle"),
    BEST_LOCAL: Look(COLOURS[0], "circle"),
    MEAN_LOCAL: Look(COLOURS[0], "circle", filled=False, dash="2 3"),
    MERGED: Look(COLOURS[6], "square", dash="7 3"),
    EQUAL: Look(COLOURS[2], "triangle", dash="9 3 2 3"),
    WEIGHTED: Look(COLOURS[1], "diamond"),
}


def look_of(model: str) -> Look:
    """Return the look of an arm or of a model that begins with an arm's name, such as ``local north``."""
    for name in (model, *(arm for arm in LOOKS if model.startswith(f"{arm} "))):
        if name in LOOKS:
            return LOOKS[name]
    return Look(SOFT, "circle", filled=False)
