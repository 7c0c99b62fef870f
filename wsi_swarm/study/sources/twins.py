"""Samples that are one measurement under two names: one person must never be in training and test.

Public collections hold some: a study that takes its controls from an earlier one lists them again under new ids,
normalised anew, and no column says so. In the tuberculosis cohorts 12 of GSE19435 are also in GSE19444, and 5 of
GSE42827 also in GSE42830: over the genes, each standardised over the samples, their values correlate above .98, also
where two of the studies are looked at alone, and those of all other pairs of samples below .95.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wsi_swarm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsi_swarm.study.types import TableSource

PERSON = "PERSON (a sample)"
"""Clinical column of cohorts of kind ``expression``: samples of one person name the same of that person's samples."""
ALIKE = 0.97
FEWEST_GENES = 30
FEWEST_SAMPLES = 20
"""With fewer genes or samples, different people are as alike as that."""


def find_twins(values: np.ndarray) -> list[tuple[int, int]]:
    """Return pairs of rows (the first before the second) that are one measurement, sorted.

    Parameters
    ----------
    values
        (samples, genes); where there are too few of either to tell, nothing is found.
    """
    spread = values.std(0)
    varying = spread > 0
    if varying.sum() < FEWEST_GENES or len(values) < FEWEST_SAMPLES:
        return []
    scores = (values[:, varying] - values[:, varying].mean(0)) / spread[varying]
    scores -= scores.mean(1, keepdims=True)
    scores /= np.maximum(np.linalg.norm(scores, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    first, second = np.nonzero(np.triu(scores @ scores.T, 1) > ALIKE)
    return list(zip(first.tolist(), second.tolist(), strict=True))


def refuse_shared_people(sources: Sequence[TableSource]) -> None:
    """Refuse cohorts that share persons under different names.

    Raises
    ------
    ConfigError
        Naming the first pair of cohorts and how many persons they share.
    """
    for number, one in enumerate(sources):
        for other in sources[number + 1 :]:
            pairs = sorted({*_alike(one, other), *_told(one, other)})
            if pairs:
                shown = ", ".join(f"{a} = {b}" for a, b in pairs[:3])
                msg = (
                    f"the cohorts '{one.name}' and '{other.name}' share {len(pairs)} persons under two names "
                    f"({shown}{', ...' if len(pairs) > 3 else ''}); leave one cohort out, or read both as one cohort"
                )
                raise ConfigError(msg)


def _told(one: TableSource, other: TableSource) -> list[tuple[str, str]]:
    persons = dict(zip(one.clinical.get(PERSON, ()), one.patients, strict=False))
    pairs = zip(other.clinical.get(PERSON, ()), other.patients, strict=False)
    return [(persons[person], sample) for person, sample in pairs if person in persons]


def _alike(one: TableSource, other: TableSource) -> list[tuple[str, str]]:
    genes = sorted(set(one.columns) & set(other.columns))
    if len(genes) < FEWEST_GENES:
        return []
    tables = []
    for source in (one, other):
        at = {gene: index for index, gene in enumerate(source.columns)}
        tables.append(source.values[:, [at[gene] for gene in genes]])
    size = len(one.patients)
    return [(one.patients[a], other.patients[b - size]) for a, b in find_twins(np.concatenate(tables)) if a < size <= b]
