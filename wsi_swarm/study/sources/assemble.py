"""Putting measurements and a clinical table together as one cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.targets import is_missing
from wsi_swarm.errors import ConfigError
from wsi_swarm.study.types import TableSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.tabular.table import Measurements

Clinical = dict[str, dict[str, str]]
"""By patient, by column: one text, empty where unknown."""


def known(cell: str) -> str:
    """Return a cell of a clinical table, empty where it says that nothing is known."""
    return "" if is_missing(cell) else cell


def table_source(
    name: str,
    measured: Measurements,
    clinical: Clinical,
    keep: Sequence[str],
    values: np.ndarray,
    columns: Sequence[str],
) -> TableSource:
    """Return the patients ``keep``, sorted, with their rows of ``values`` (as ``measured`` has them).

    Raises
    ------
    ConfigError
        If nobody is left.
    """
    if not keep:
        msg = f"cohort '{name}': no patient of {measured.path} is left; look at the options that choose patients"
        raise ConfigError(msg)
    patients = tuple(sorted(keep))
    row = {patient: number for number, patient in enumerate(measured.patients)}
    order = np.array([row[patient] for patient in patients])
    names = clinical[patients[0]]
    return TableSource(
        name,
        patients,
        tuple(columns),
        np.ascontiguousarray(values[order], np.float32),
        {column: tuple(clinical[patient][column] for patient in patients) for column in names},
    )


def without_partner(measured: Sequence[str], clinical: Mapping[str, object]) -> list[str]:
    """Return a sentence for each group of patients who stand in one of the two tables only."""
    return [
        sentence
        for count, sentence in (
            (len(set(measured) - clinical.keys()), "measured and not in the clinical table"),
            (len(clinical.keys() - set(measured)), "in the clinical table and not measured"),
        )
        if count
        for sentence in [f"{count} {sentence}"]
    ]
