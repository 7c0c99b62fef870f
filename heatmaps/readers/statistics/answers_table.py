"""Answers as a table of items by readers, coded by category; the shape that coefficients of agreement take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

MISSING = -1


@dataclass(frozen=True)
class Coded:
    """Answers as positions in ``categories``.

    Attributes
    ----------
    codes
        (items, readers), ``MISSING`` where a reader gave no answer.
    categories
        In their order, also those that nobody chose.
    """

    codes: NDArray[np.int_]
    categories: tuple[Any, ...]

    def counts(self) -> NDArray[np.float64]:
        """Return (items, categories) how many readers gave each answer."""
        return (self.codes[:, :, None] == np.arange(len(self.categories))).sum(axis=1).astype(float)


def wide(frame: pd.DataFrame, item: str, reader: str, answer: str) -> pd.DataFrame:
    """Turn one row per answer into items by readers; a missing answer becomes NaN.

    Raises
    ------
    ConfigError
        If a column is absent, or a reader answered an item twice (repeats are for ``repeats``).
    """
    absent = [name for name in (item, reader, answer) if name not in frame.columns]
    if absent:
        msg = f"the table of answers has no column {absent[0]}; it has {', '.join(map(str, frame.columns))}"
        raise ConfigError(msg)
    twice = frame.duplicated([item, reader])
    if twice.any():
        row = frame[twice].iloc[0]
        msg = f"reader {row[reader]} answered item {row[item]} more than once; keep one answer, and judge repeats apart"
        raise ConfigError(msg)
    return frame.pivot(index=item, columns=reader, values=answer)


def number_table(answers: Any) -> NDArray[np.float64]:
    """Return answers that are numbers as (items, readers), NaN where there is none.

    Raises
    ------
    ConfigError
        If the table isn't two-dimensional or an answer isn't a number.
    """
    table = _two_dimensional(answers)
    found = table.apply(pd.to_numeric, errors="coerce")
    lost = table.notna() & found.isna()
    if lost.to_numpy().any():
        msg = f"{table.to_numpy(dtype=object)[lost.to_numpy()][0]!r} is an answer, but not a number"
        raise ConfigError(msg)
    return found.to_numpy(dtype=float)


def clusters_of(clusters: ArrayLike, items: int) -> NDArray[np.generic]:
    """Return each item's cluster, or raise ``ConfigError`` if there isn't one per item."""
    found = np.asarray(clusters)
    if found.shape != (items,):
        msg = f"there are {items} items and clusters of shape {found.shape}; give one cluster (patient) per item"
        raise ConfigError(msg)
    return found


def coded(answers: Any, categories: Sequence[Any] | None = None) -> Coded:
    """Code answers by their position among the categories.

    Parameters
    ----------
    answers
        Items by readers, a data frame or array; None or NaN where there is no answer.
    categories
        All answers that could be given, in order. By default those that occur, sorted; give them, because coefficients
        that correct for chance by the number of categories (Gwet's) depend on those that nobody chose.

    Raises
    ------
    ConfigError
        If the table isn't two-dimensional, or an answer is not among the categories.
    """
    table = _two_dimensional(answers)
    there = table.notna().to_numpy()
    values = table.to_numpy(dtype=object)
    known = tuple(categories) if categories is not None else tuple(sorted(set(values[there])))
    positions = {category: i for i, category in enumerate(known)}
    strange = [value for value in values[there] if value not in positions]
    if strange:
        msg = f"{strange[0]!r} is an answer, but not one of the categories {', '.join(map(str, known))}"
        raise ConfigError(msg)
    codes = np.full(values.shape, MISSING)
    codes[there] = [positions[value] for value in values[there]]
    return Coded(codes, known)


def _two_dimensional(answers: Any) -> pd.DataFrame:
    if np.ndim(answers) != 2:
        msg = f"agreement needs a table of items by readers; got {np.ndim(answers)} dimensions"
        raise ConfigError(msg)
    return pd.DataFrame(answers)
