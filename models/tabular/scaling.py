"""Scalings of a table that let no number leave the centre: agreed in the run by name, done by each centre alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

NONE = "none"


def scale(values: np.ndarray, scaling: str, reference: np.ndarray | None = None) -> np.ndarray:
    """Scale a table.

    Parameters
    ----------
    values
        (patients, columns), as read.
    scaling
        ``none``, or steps joined by ``+`` that are taken one after the other: ``log2`` is log2(x + 1); ``rank`` puts
        the rank of each value within its patient to (-1, 1), so that tables of other platforms and units compare;
        ``zscore`` takes each column's mean and spread over the centre's patients away, which also takes away what
        differs between centres by laboratory (and, where centres differ in prevalence, some of the signal).
    reference
        (other patients, columns), as read: whose mean and spread ``zscore`` uses instead of the table's own.

    Returns
    -------
    scaled
        (patients, columns) float32.

    Raises
    ------
    ConfigError
        If the scaling is unknown.
    InputError
        If ``log2`` meets a negative number, or ``zscore`` has fewer than two patients to learn the spread from.
    """
    own = np.asarray(values, np.float64)
    other = None if reference is None else np.asarray(reference, np.float64)
    for step in steps_of(scaling):
        if other is None:
            own = step(own, own)
        else:
            own, other = step(own, other), step(other, other)
    return own.astype(np.float32)


def steps_of(scaling: str) -> list[Callable[[np.ndarray, np.ndarray], np.ndarray]]:
    """Return the functions of a scaling; raises ``ConfigError`` if one is unknown."""
    names = [] if scaling == NONE else scaling.split("+")
    for name in names:
        if name not in _STEPS:
            msg = f"scaling {scaling!r}: there is no {name!r}; choose {NONE}, or join {', '.join(_STEPS)} by +"
            raise ConfigError(msg)
    return [_STEPS[name] for name in names]


def _log2(values: np.ndarray, _: np.ndarray) -> np.ndarray:
    if (values < 0).any():
        msg = "scaling log2 takes no negative number, and the table has one; perhaps it is in logarithms already"
        raise InputError(msg)
    return np.log2(values + 1.0)


def _rank(values: np.ndarray, _: np.ndarray) -> np.ndarray:
    return (2.0 * rankdata(values, axis=1) - 1.0) / values.shape[1] - 1.0


def _zscore(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    if len(reference) < 2:
        msg = (
            "scaling zscore learns mean and spread from at least two patients, and the table has one; "
            "name the table of the centre's training patients as reference"
        )
        raise InputError(msg)
    spread = reference.std(axis=0)
    flat = spread <= 1e-12 * np.abs(reference).max(axis=0)
    return np.where(flat, 0.0, (values - reference.mean(axis=0)) / np.where(flat, 1.0, spread))


_STEPS = {"log2": _log2, "rank": _rank, "zscore": _zscore}
