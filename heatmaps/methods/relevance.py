"""What a method says of a slide's tiles, in the shape that tables, pictures and evaluations share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Measure(NamedTuple):
    """One number per tile, as the score table and QuPath name it."""

    column: str
    """Start of the column's name in the score table."""
    words: str
    """End of the measurement's name in QuPath, with its unit."""
    values: NDArray[np.float64]
    digits: str
    """Format of the numbers in the score table."""


class Relevance(Protocol):
    """What one method says of one target of one model, for each of a slide's N tiles.

    Attributes
    ----------
    target, positive : str
        Column of the clinical table and its positive label.
    label : str
        The positive class in words that say which target it belongs to.
    values : (N,) float64
        The relevance, in the method's unit; where the method is signed, above 0 speaks for ``positive``.
    measures : tuple of Measure
        What the score table holds, the relevance first.
    logit, probability : float
        Of the whole slide; the probability is exactly the one that ``models.predict`` gives.
    details : dict
        JSON values that say how far to trust the numbers, such as the completeness error.
    """

    @property
    def target(self) -> str: ...  # noqa: D102

    @property
    def positive(self) -> str: ...  # noqa: D102

    @property
    def label(self) -> str: ...  # noqa: D102

    @property
    def values(self) -> NDArray[np.float64]: ...  # noqa: D102

    @property
    def measures(self) -> tuple[Measure, ...]: ...  # noqa: D102

    @property
    def logit(self) -> float: ...  # noqa: D102

    @property
    def probability(self) -> float: ...  # noqa: D102

    @property
    def details(self) -> dict[str, Any]: ...  # noqa: D102


@dataclass(frozen=True)
class TileRelevance:
    """A ``Relevance`` of one measure.

    Attributes
    ----------
    target, positive, values, logit, probability, details
        See ``Relevance``.
    column, unit : str
        Name of the measure as a column, and its unit.
    """

    target: str
    positive: str
    values: NDArray[np.float64]
    logit: float
    probability: float
    column: str
    unit: str
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The positive class in words that say which target it belongs to."""
        return class_label(self.target, self.positive)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The relevance alone."""
        return (Measure(self.column, f"{self.column.replace('_', ' ')} ({self.unit})", self.values, ".12e"),)


def class_label(target: str, positive: str) -> str:
    """Return the positive class in words that say which target it belongs to: ``MSIH``, ``BRAF MUT``."""
    folded, label = target.casefold(), positive.casefold()
    if folded in label or (len(label) > 2 and label in folded):
        return positive
    return f"{target} {positive}"
