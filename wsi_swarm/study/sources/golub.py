"""Kind ``golub``: the 38 training samples of Golub's leukaemia study as the public CSV files hold them."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from models.tables import read_table
from wsi_swarm.errors import ConfigError, InputError
from wsi_swarm.study.sources.options import Options, Place
from wsi_swarm.study.sources.record import finish
from wsi_swarm.study.types import TableSource

if TYPE_CHECKING:
    from pathlib import Path

EXPRESSION = "data_set_ALL_AML_train.csv"
LABELS = "actual.csv"
GENE = "Gene Accession Number"


class GolubOptions(Options):
    """Folder of the two files."""

    folder: str


def load_golub(place: Place, options: GolubOptions) -> TableSource:
    """Read (38, 7129) measurements and the column ``cancer`` (AML or ALL); the calls (A, P, M) are left out."""
    folder = place.folder("folder", options.folder)
    genes, samples, values = _read_expression(folder / EXPRESSION)
    labels = read_table(folder / LABELS)
    cancer = dict(zip(labels.column("patient"), labels.column("cancer"), strict=True))
    lacking = [sample for sample in samples if sample not in cancer]
    if lacking:
        msg = f"{folder / LABELS} lacks the samples {', '.join(lacking)} of {EXPRESSION}; copy both files again"
        raise ConfigError(msg)
    by_number = sorted(range(len(samples)), key=lambda index: int(samples[index]))
    by_gene = sorted(range(len(genes)), key=genes.__getitem__)
    finish(place, "golub", options)
    return TableSource(
        place.name,
        tuple(f"golub-{int(samples[index]):02d}" for index in by_number),
        tuple(genes[index] for index in by_gene),
        np.ascontiguousarray(values[np.ix_(by_number, by_gene)]),
        {"cancer": tuple(cancer[samples[index]] for index in by_number)},
    )


def _read_expression(path: Path) -> tuple[list[str], list[str], np.ndarray]:
    """Return genes, samples and (samples, genes) values."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            header, *rows = list(csv.reader(handle))
        at, where = header.index(GENE), [index for index, name in enumerate(header) if name.isdigit()]
        values = np.array([[row[index] for index in where] for row in rows], np.float32).T
        genes = [row[at] for row in rows]
    except (OSError, ValueError, IndexError) as error:
        msg = f"{path} can't be read as Golub's table of probes by samples ({error}); copy it again"
        raise InputError(msg) from error
    if len(set(genes)) != len(genes) or not where or not np.isfinite(values).all():
        msg = f"{path} names a probe twice, no sample, or a value that is not finite; copy it again"
        raise InputError(msg)
    return genes, [header[index] for index in where], values
