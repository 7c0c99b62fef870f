"""One item of a reader study: a tile, a pair of heatmaps or a case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from heatmaps.readers.kit.questions import Strict

if TYPE_CHECKING:
    from heatmaps.readers.kit.questions import Language


class Item(Strict):
    """A row of the table. Either ``picture`` is there, or ``slide``, with ``x`` and ``y`` in level-0 px or ``whole``.

    ``picture_a`` and ``picture_b``, or ``scores_a`` and ``scores_b``, are the two heatmaps of a preference, and
    ``method_a`` and ``method_b`` their secret names. ``ai`` (0 to 1) and ``ai_picture`` or ``scores`` are what the AI
    says, ``truth`` ("0" or "1") what is so. ``target`` and ``measure`` name a column of a score table.
    """

    item: str
    group: str
    kind: Literal["study", "control", "training"]
    picture: str = ""
    slide: str = ""
    x: float = 0.0
    y: float = 0.0
    whole: bool = False
    feedback: str = ""
    feedback_de: str = ""
    patient: str = ""
    centre: str = ""
    klass: str = Field(default="", alias="class")
    model: str = ""
    score: str = ""
    picture_a: str = ""
    picture_b: str = ""
    scores_a: str = ""
    scores_b: str = ""
    measure_a: str = ""
    measure_b: str = ""
    method_a: str = ""
    method_b: str = ""
    ai: str = ""
    ai_picture: str = ""
    scores: str = ""
    measure: str = ""
    target: str = ""
    truth: str = ""

    def feedback_in(self, language: Language) -> str:
        """Return the feedback in a reader's language; one that was given once is the same for all."""
        return (language == "de" and self.feedback_de) or self.feedback

    @property
    def methods(self) -> tuple[str, ...]:
        """The two methods of a preference, in one order whichever is ``a``."""
        return tuple(sorted({self.method_a, self.method_b} - {""}))

    @property
    def heatmaps(self) -> list[str]:
        """Which heatmaps belong to the item: ``a`` and ``b``, ``ai``, or none."""
        if self.method_a:
            return ["a", "b"]
        return ["ai"] if self.ai_picture or self.scores else []
