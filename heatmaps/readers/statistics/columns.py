"""Checks of long tables that several analyses share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable


def having(frame: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Return these columns, or raise ``ConfigError`` naming the first that is absent."""
    wanted = list(names)
    for name in wanted:
        if name not in frame.columns:
            msg = f"the table of answers has no column {name}; it has {', '.join(map(str, frame.columns))}"
            raise ConfigError(msg)
    return frame[wanted]


def binary(frame: pd.DataFrame, names: Iterable[str]) -> None:
    """Raise ``ConfigError`` if one of these columns holds anything but 0 and 1."""
    for name in names:
        strange = frame.loc[~frame[name].isin([0, 1]), name]
        if len(strange):
            msg = f"column {name} must hold 0 or 1; row {strange.index[0]} holds {strange.iloc[0]}"
            raise ConfigError(msg)


def numbers(frame: pd.DataFrame, name: str) -> None:
    """Raise ``ConfigError`` if a column holds anything but finite numbers."""
    values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float)
    if not np.isfinite(values).all():
        row = frame.index[~np.isfinite(values)][0]
        msg = f"column {name} has no number in row {row}; leave out answers that were not given"
        raise ConfigError(msg)
