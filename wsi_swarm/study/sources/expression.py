"""Kind ``expression``: a matrix of genes by samples and a table of samples, as public collections are kept."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from pydantic import Field

from models.tables import read_table
from models.tabular.table import read_column_list, read_measurements
from wsi_swarm.errors import ConfigError
from wsi_swarm.study.sources.assemble import Clinical, known, table_source, without_partner
from wsi_swarm.study.sources.options import Options, Place
from wsi_swarm.study.sources.record import finish
from wsi_swarm.study.sources.twins import PERSON, find_twins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from models.tabular.table import Measurements
    from wsi_swarm.study.types import TableSource


class ExpressionOptions(Options):
    """Where the tables are, and which of their samples and genes are used.

    Attributes
    ----------
    expression
        Genes by samples, the first header cell empty or GENE; CSV or TSV, also .gz.
    meta
        Samples by columns; the first column holds the samples' ids.
    target
        A column of ``meta``; samples without it are left out.
    where
        Column of ``meta`` -> the values that are taken.
    columns
        Genes to use: a list, or a file with one in each line. None: all.
    person
        Column of ``meta`` that names the person of a sample: of each only the first sample is kept. A sample without a
        name there counts as a person of its own.
    order
        Column of ``meta`` by whose first number the samples of one person are put in order, those without a number
        last; without it, and among equals, as they stand in ``meta``.
    """

    expression: str
    meta: str
    target: str
    where: dict[str, str | list[str]] = Field(default_factory=dict)
    columns: str | list[str] | None = None
    person: str | None = None
    order: str | None = None


def load_expression(place: Place, options: ExpressionOptions) -> TableSource:
    """Read a cohort; every column of ``meta`` is carried along, and whoever is left out is counted.

    Samples that are one measurement under two names (``twins``) are always taken as those of one person.
    """
    if options.order and not options.person:
        msg = f"cohort '{place.name}': order = '{options.order}' orders the samples of a person; name person, too"
        raise ConfigError(msg)
    measured = read_measurements(place.file("expression", options.expression))
    meta = place.file("meta", options.meta)
    clinical = _read_meta(meta)
    for column in (options.target, options.person, options.order, *options.where):
        if column is not None and column not in next(iter(clinical.values()), {}):
            have = ", ".join(next(iter(clinical.values()), {})) or "none"
            msg = f"cohort '{place.name}': {meta} has no column {column}; its columns are {have}"
            raise ConfigError(msg)
    left_out = without_partner(measured.patients, clinical)
    measured_too = set(measured.patients)
    keep = [sample for sample in clinical if sample in measured_too]
    for column, values in options.where.items():
        keep = _where(place.name, clinical, keep, column, [values] if isinstance(values, str) else values)
    unlabelled = [sample for sample in keep if not clinical[sample][options.target]]
    if unlabelled:
        left_out.append(f"{len(unlabelled)} without {options.target}")
        keep = [sample for sample in keep if clinical[sample][options.target]]
    persons = _persons(measured, clinical, options.person)
    firsts = _first_of_each(clinical, keep, persons, options.order)
    if len(firsts) < len(keep):
        left_out.append(f"{len(keep) - len(firsts)} further samples of persons who have one already")
    for sample, row in clinical.items():
        row[PERSON] = persons[sample]
    genes = _genes(place, options.columns) or measured.columns
    source = table_source(place.name, measured, clinical, firsts, measured.select(genes), genes)
    finish(place, "expression", options, left_out)
    return source


def _read_meta(path: Path) -> Clinical:
    table = read_table(path)
    ids = [row[0] for row in table.rows]
    for index, sample in enumerate(ids):
        if not sample or sample in ids[:index]:
            fault = f"the sample {sample} stands in an earlier row, too" if sample else "the sample has no id"
            msg = f"{table.where(index, table.columns[0] or '1')}: {fault}; every row needs an id of its own"
            raise ConfigError(msg)
    return {
        sample: {name: known(cell) for name, cell in zip(table.columns[1:], row[1:], strict=True)}
        for sample, row in zip(ids, table.rows, strict=True)
    }


def _where(cohort: str, clinical: Clinical, samples: list[str], column: str, values: list[str]) -> list[str]:
    there = {row[column] for row in clinical.values()}
    unknown = sorted(set(values) - there)
    if unknown or not values:
        msg = (
            f"cohort '{cohort}': where {column} = {', '.join(unknown) or 'nothing'} finds no sample; the values there "
            f"are {', '.join(sorted(there - {''})[:20])}"
        )
        raise ConfigError(msg)
    return [sample for sample in samples if clinical[sample][column] in values]


def _persons(measured: Measurements, clinical: Clinical, column: str | None) -> dict[str, str]:
    """Return a name of the person of each sample, which is that of one of the person's samples.

    All samples of the tables tell it, not only those that are used: two may belong together through a third.
    """
    leader = {sample: sample for sample in (*measured.patients, *clinical)}

    def person(sample: str) -> str:
        while leader[sample] != sample:
            sample = leader[sample]
        return sample

    pairs = [(measured.patients[one], measured.patients[other]) for one, other in find_twins(measured.values)]
    by_name: dict[str, str] = {}
    for sample in clinical if column else ():
        name = clinical[sample][column or ""]
        if name:
            pairs.append((by_name.setdefault(name, sample), sample))
    for one, other in pairs:
        leader[person(other)] = person(one)
    return {sample: person(sample) for sample in leader}


def _first_of_each(clinical: Clinical, samples: list[str], persons: Mapping[str, str], order: str | None) -> list[str]:
    ordered = sorted(samples, key=lambda sample: _number(clinical[sample], order))  # stable: ties stay as they stand
    firsts: dict[str, str] = {}
    for sample in ordered:
        firsts.setdefault(persons[sample], sample)
    return list(firsts.values())


def _number(row: Mapping[str, str], order: str | None) -> float:
    found = re.search(r"-?\d+(?:\.\d+)?", row[order]) if order else None
    return float(found[0]) if found else math.inf


def _genes(place: Place, columns: str | list[str] | None) -> tuple[str, ...]:
    if isinstance(columns, str):
        return read_column_list(place.file("columns", columns))
    if columns is not None and (not columns or len(set(columns)) != len(columns)):
        msg = f"cohort '{place.name}': columns must name at least one gene and each only once"
        raise ConfigError(msg)
    return tuple(sorted(columns or ()))
