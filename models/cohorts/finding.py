"""A finding: what is wrong, where, how bad, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """Training refuses it, or would learn or measure something false."""
    WARNING = "warning"
    """Training goes on without the data, or a person has to judge."""
    NOTE = "note"
    """Good to know; nothing is lost."""


@dataclass(frozen=True)
class Finding:
    """One fault, or one thing to know.

    Attributes
    ----------
    severity
        See ``Severity``.
    kind
        A few words that all findings of this sort share.
    file
        Table, feature file or folder.
    what
        A clause that says what is wrong.
    remedy
        What to do.
    row
        Row in the file, the header being row 1.
    column
        Column of the table.
    """

    severity: Severity
    kind: str
    file: Path
    what: str
    remedy: str
    row: int | None = None
    column: str | None = None

    @property
    def where(self) -> str:
        """File, row and column, as far as they are known."""
        return f"{self.file} {self.cell}".rstrip()

    @property
    def cell(self) -> str:
        """Row and column, as far as they are known."""
        row = [] if self.row is None else [f"row {self.row}"]
        column = [] if self.column is None else [f"column {self.column}"]
        return ", ".join(row + column)

    @property
    def sentence(self) -> str:
        """The whole in one sentence, as an error says it."""
        return f"{self.where}: {self.what}; {self.remedy}"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: ``1 row``, ``2 rows``."""
    return f"{count} {noun}{'s' * (count != 1)}"


def refuse(findings: Iterable[Finding]) -> None:
    """Raise ``ConfigError`` with the first error found: loaders refuse what ``validate`` calls an error."""
    for finding in findings:
        if finding.severity is Severity.ERROR:
            raise ConfigError(finding.sentence)
