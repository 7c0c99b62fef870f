"""Labels of a target: spellings that are one, spellings that may be one, mistypings, and labels that are none."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from models.cohorts.finding import Finding, Severity, counted
from models.cohorts.label_spelling import UNDECIDED, same_meaning, slips
from models.cohorts.text import ERROR_VALUES
from models.targets import POSITIVE_SPELLINGS, Target, is_missing, resolve_target, spelling
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.tables import Table

_MANY_LABELS = 12


def examine_labels(tables: Sequence[Table], name: str, positive: str | None) -> tuple[Target | None, list[Finding]]:
    """Resolve a target over all tables, as training does, and find what is wrong with its labels.

    Parameters
    ----------
    tables
        Clinical tables, all of which have the column.
    name
        The target's column.
    positive
        The positive label by the user's choice, or None.

    Returns
    -------
    tuple of Target or None, and list of Finding
        None where training would refuse the target.
    """
    labels = _Labels(tables, name)
    alike, mistyped = same_meaning(labels.counts), slips(labels.counts)
    target, refusal = _resolved(labels, positive)
    found = [*labels.written_in_several_ways(), *labels.undecided(), *labels.missing()]
    found += [labels.same(other, usual, target) for other, usual in alike.items()]
    found += [labels.slip(rare, common) for rare, common in mistyped.items()]
    if refusal is not None and not _mended(labels, positive, {**mistyped, **alike}):
        found.append(refusal)
    return target, found


class _Labels:
    """The labels of one column of several tables, without a spreadsheet's error values, which ``text`` finds.

    Attributes
    ----------
    counts
        Rows by spelling.
    first
        Table, row and text of the first label of each spelling.
    """

    def __init__(self, tables: Sequence[Table], name: str) -> None:
        self.tables, self.name = tables, name
        self.cells = [
            (cell, table, row)
            for table in tables
            for cell, row in zip(table.column(name), table.numbers, strict=True)
            if not is_missing(cell) and cell.upper() not in ERROR_VALUES
        ]
        self.counts = Counter(spelling(cell) for cell, _, _ in self.cells)
        self.first: dict[str, tuple[Table, int, str]] = {}
        for cell, table, row in self.cells:
            self.first.setdefault(spelling(cell), (table, row, cell))

    def written_in_several_ways(self) -> list[Finding]:
        """Find labels that differ in case and separators only, which are taken as one: notes."""
        counts = Counter(cell for cell, _, _ in self.cells)
        usual: dict[str, str] = {}
        for cell, _ in counts.most_common():
            usual.setdefault(spelling(cell), cell)
        found = []
        for other in counts:
            one = usual[spelling(other)]
            if other != one:
                table, row = next((table, row) for cell, table, row in self.cells if cell == other)
                here, there = counted(counts[other], "row"), counted(counts[one], "row")
                what = f"{other!r} ({here}, the first here) and {one!r} ({there}) are taken as one label"
                remedy = "nothing to do here, but spell it in one way for other software"
                found.append(Finding(Severity.NOTE, "label spelling", table.path, what, remedy, row, self.name))
        return found

    def undecided(self) -> list[Finding]:
        """Find labels that say that there is none: errors, for they count as a class."""
        found = []
        for label in self.first.keys() & UNDECIDED:
            table, row, cell = self.first[label]
            what = f"{cell!r} ({counted(self.counts[label], 'row')}, the first here) would count as a label of its own"
            remedy = "empty the cell if it means that the label is not known"
            found.append(Finding(Severity.ERROR, "no label", table.path, what, remedy, row, self.name))
        return found

    def missing(self) -> list[Finding]:
        """Count rows without a label: one note per table."""
        found = []
        for table in self.tables:
            cells = table.column(self.name)
            rows = [row for row, cell in zip(table.numbers, cells, strict=True) if is_missing(cell)]
            if rows:
                spellings = sorted({cell for cell in cells if is_missing(cell) and cell})
                written = f" (written as {', '.join(map(repr, spellings))})" if spellings else ""
                what = f"{len(rows)} of {len(cells)} rows have no label{written}, the first of them here"
                remedy = "nothing to do: they are left out for this target only"
                found.append(Finding(Severity.NOTE, "label missing", table.path, what, remedy, rows[0], self.name))
        return found

    def same(self, other: str, usual: str, target: Target | None) -> Finding:
        """Say that two labels may mean the same: an error unless both count as negative anyway."""
        harmless = target is not None and spelling(target.positive) not in {usual, other}
        text = self.first[usual][2]
        what = f"{self._counted(other)} probably means the same as {text!r} ({counted(self.counts[usual], 'row')})"
        effect = "both count as negative" if harmless else "now they count as two classes"
        remedy = f"{effect}; write {text!r} for both if they do"
        return self._at(other, Severity.NOTE if harmless else Severity.ERROR, "same meaning", what, remedy)

    def slip(self, rare: str, common: str) -> Finding:
        """Say that a label looks mistyped: an error, for it counts as a class."""
        text = self.first[common][2]
        what = f"{self._counted(rare)} looks like a slip for {text!r} ({counted(self.counts[common], 'row')})"
        return self._at(rare, Severity.ERROR, "label mistyped", what, "correct it: now it is a label of its own")

    def _counted(self, label: str) -> str:
        return f"{self.first[label][2]!r} ({counted(self.counts[label], 'row')}, the first here)"

    def _at(self, label: str, severity: Severity, kind: str, what: str, remedy: str) -> Finding:
        table, row, _ = self.first[label]
        return Finding(severity, kind, table.path, what, remedy, row, self.name)


def _resolved(labels: _Labels, positive: str | None) -> tuple[Target | None, Finding | None]:
    path = labels.tables[0].path
    try:
        return resolve_target(labels.name, [cell for cell, _, _ in labels.cells], positive, str(path)), None
    except ConfigError as error:
        what, _, remedy = str(error).removeprefix(f"{path}: ").rpartition("; ")
    if len(labels.counts) > _MANY_LABELS:
        examples = ", ".join(repr(labels.first[label][2]) for label in list(labels.first)[:3])
        what = f"the column has {len(labels.counts)} different labels, such as {examples}"
        remedy = "name a column of classes; a measurement has to be cut into two classes first"
    elif positive is None and len(labels.counts) > 2 and len(likely := labels.counts.keys() & POSITIVE_SPELLINGS) == 1:
        text = labels.first[likely.pop()][2]
        others = " and ".join(repr(cell) for _, _, cell in labels.first.values() if cell != text)
        remedy = f"name it, probably --positive {labels.name}={text}; {others} are then negative"
    return None, Finding(Severity.ERROR, "target unclear", path, what, remedy, column=labels.name)


def _mended(labels: _Labels, positive: str | None, usual: Mapping[str, str]) -> bool:
    """Tell whether the target is clear once all other findings are mended, so that the fault is not found twice."""
    cells = [
        labels.first[usual.get(spelling(cell), spelling(cell))][2]
        for cell, _, _ in labels.cells
        if spelling(cell) not in UNDECIDED
    ]
    chosen = None if positive is None else usual.get(spelling(positive), positive)
    try:
        resolve_target(labels.name, cells, chosen, "")
    except ConfigError:
        return False
    return True
