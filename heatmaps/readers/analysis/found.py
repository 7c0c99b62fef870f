"""What an analysis found, free of language and layout: sections of tables, figures and sentences."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from heatmaps.readers.analysis.terms import Unit, Word
from heatmaps.readers.statistics.measures import Absent, Measure, Test
from models.evaluation.estimates import Proportion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heatmaps.readers.analysis.figures.kinds import Figure

Cell = str | int | float | Word | Measure | Proportion | Test | Absent | None


@dataclass(frozen=True)
class Column:
    """A column by its name in files, and what its numbers are."""

    name: str
    unit: Unit = "text"


def columns(*told: str) -> tuple[Column, ...]:
    """Return columns from ``name`` (text) or ``name:unit``."""
    parts = (one.partition(":") for one in told)
    return tuple(Column(name, unit or "text") for name, _, unit in parts)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Sheet:
    """A table; ``name`` is its file's stem and the key of its title, and what is ``minor`` is folded in the report."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    minor: bool = False


@dataclass(frozen=True)
class Said:
    """A sentence by its key in the wording, and what is put into it; a value is paired with its unit."""

    key: str
    values: Mapping[str, tuple[Cell, Unit]] = field(default_factory=dict)
    caution: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the report; ``name`` is the key of its heading and of the words under it."""

    name: str
    said: tuple[Said, ...] = ()
    figures: tuple[Figure, ...] = ()
    sheets: tuple[Sheet, ...] = ()


@dataclass(frozen=True)
class Analysis:
    """An analysis.

    Attributes
    ----------
    template
        Of the study.
    findings
        The sentences that a reader in a hurry needs.
    sections
        In the report's order.
    files
        Further files by name, for instance ``.imrmc``.
    options
        What the user chose, the seed among it.
    table
        Facts of the table: file, hash, numbers of rows, readers, items, patients.
    """

    template: str
    findings: tuple[Said, ...]
    sections: tuple[Section, ...]
    files: dict[str, str]
    options: dict[str, Any]
    table: dict[str, Any]
