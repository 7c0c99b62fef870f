"""What a figure shows, as numbers and names; ``draw`` makes pictures of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heatmaps.readers.analysis.terms import Unit, Word
    from heatmaps.readers.statistics.measures import Absent, Measure


@dataclass(frozen=True)
class Forest:
    """Rows of a label, a value and its interval.

    Attributes
    ----------
    name
        Key of its title and axis.
    rows
        Label, value (or why there is none), and whether it is a summary of those above.
    unit
        Of the values.
    line
        Where a reference line stands (0 for differences), or None.
    ends
        Of the axis where they are known beforehand.
    """

    name: str
    rows: tuple[tuple[str | Word, Measure | Absent, bool], ...]
    unit: Unit
    line: float | None = None
    ends: tuple[float, float] | None = None


@dataclass(frozen=True)
class Stacked:
    """Bars of equal length that are divided among categories.

    Attributes
    ----------
    name
        Key of its title.
    categories
        Names or keys, in order.
    rows
        Label and count per category.
    ordered
        Whether the categories are steps of a scale; otherwise the middle one is a tie.
    """

    name: str
    categories: tuple[str | Word, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]
    ordered: bool


@dataclass(frozen=True)
class Roc:
    """ROC curves, a panel per reader and one of the average.

    Attributes
    ----------
    name
        Key of its title.
    modalities
        Keys of the curves, in the order of each panel's curves.
    panels
        Label and per modality the corners (false positive rate, sensitivity) of the empirical curve.
    """

    name: str
    modalities: tuple[Word, ...]
    panels: tuple[tuple[str | Word, tuple[tuple[tuple[float, float], ...], ...]], ...]


@dataclass(frozen=True)
class Matrix:
    """Shares of rows by columns, as shaded cells.

    Attributes
    ----------
    name
        Key of its title.
    rows, columns
        Labels.
    shares
        Per row, per column; None where there is no answer.
    """

    name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    shares: tuple[tuple[float | None, ...], ...]


Figure = Forest | Stacked | Roc | Matrix
