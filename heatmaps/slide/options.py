"""How a heatmap is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heatmaps.methods import DEFAULT, Method, method_named
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heatmaps.drawing.render import Underlay

TOP = 6
"""Tiles shown on each side by default."""
MOST_TOP = 50


@dataclass(frozen=True)
class CohortScale:
    """One end of the colours for all slides of a cohort: for each target, and over how many slides it was taken."""

    clips: Mapping[str, float]
    slides: int

    @property
    def rule(self) -> str:
        """How the end was chosen, in words."""
        return f"99th percentile of the absolute values over the cohort (slides: {self.slides:,})"


@dataclass(frozen=True)
class Options:
    """How a heatmap is drawn; every field is part of the cache key.

    Attributes
    ----------
    underlay : "grey" or "he"
    clip : float, optional
        Fixed end of every colour scale in the method's unit, to compare slides; by default each slide has its own.
    method : str
        One of ``heatmaps.methods.METHODS``.
    occlude : int, optional
        Side in tiles of the squares that the method ``occlusion`` takes away.
    cohort : CohortScale, optional
        Ends that all slides of a cohort share; instead of ``clip``.
    top : int
        Tiles shown on each side, at most.
    """

    underlay: Underlay = "grey"
    clip: float | None = None
    method: str = DEFAULT
    occlude: int | None = None
    cohort: CohortScale | None = None
    top: int = TOP

    def explainer(self) -> Method:
        """Return the method; ``ConfigError`` if there is none of this name or it lacks a setting."""
        return method_named(self.method, self.occlude)

    def check(self) -> None:
        """Raise ``ConfigError`` if an option is out of range."""
        if self.clip is not None and not 0 < self.clip < float("inf"):
            raise ConfigError(f"--clip is {self.clip}, but the end of a colour scale is a positive number")
        if not 1 <= self.top <= MOST_TOP:
            raise ConfigError(f"--top is {self.top}, but 1 to {MOST_TOP} tiles can be shown on each side")
        self.explainer()

    def end_for(self, target: str) -> tuple[float | None, str]:
        """Return the end of a target's colours and the rule it follows; None where the slide's own values decide."""
        if self.cohort is not None:
            return self.cohort.clips[target], self.cohort.rule
        return self.clip, "fixed by the user"

    def parameters(self) -> dict[str, Any]:
        """Return what the cache key holds of the options, as JSON values; the method tells its own."""
        clip = self.clip if self.cohort is None else {"cohort": dict(self.cohort.clips), "slides": self.cohort.slides}
        return {"underlay": self.underlay, "clip": clip, "top": self.top}
