"""Score tables of ``wsi-swarm heatmap`` as tints that differ in nothing but the order of the tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from heatmaps.drawing.raster import average, place
from heatmaps.drawing.render import overlay, underlay
from pipelines.damage import TABLE_DAMAGE
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_PLACE = ("x0", "y0", "w0", "h0")


def percentiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each value's mid-rank as a share, 0 to 1: whatever the method, the same shares have the same colours.

    Equal values share their mean rank, so that a method with few levels does not get an order that it never gave.
    """
    _, place_of, count = np.unique(values, return_inverse=True, return_counts=True)
    below = np.concatenate([[0], np.cumsum(count)[:-1]])
    return (below + (count - 1) / 2)[place_of] / max(len(values) - 1, 1)


def drawn(
    tissue: NDArray[np.uint8],
    tables: Mapping[str, tuple[Path, str]],
    target: str,
    slide_size: tuple[int, int],
    slide: str,
) -> dict[str, NDArray[np.uint8]]:
    """Draw score tables on a slide's overview, all on one ground and one scale.

    Parameters
    ----------
    tissue : (H, W, 3) uint8
        The whole slide.
    tables
        Name of the heatmap to score table and measure; where the measure is empty, the table's first one counts.
    slide_size : (width, height) in level-0 px

    Raises
    ------
    InputError
        A table is missing or none.
    ConfigError
        A table has no such column, lies outside of the slide, or the tables have different tiles: their size would tell
        the methods apart.
    """
    ground = underlay(tissue)
    size = (tissue.shape[1], tissue.shape[0])
    found: dict[str, NDArray[np.uint8]] = {}
    first: tuple[Path, NDArray[np.float64]] | None = None
    for name, (path, measure) in tables.items():
        places, values = _read(path, target, measure)
        if first is not None and not np.array_equal(first[1], places):
            msg = f"{first[0]} and {path} have different tiles, whose size would tell the methods apart; "
            raise ConfigError(msg + "make both from one feature file, or give picture_a and picture_b")
        first = (path, places)
        corners, side = places[:, :2], float(places[0, 2])
        if (corners < 0).any() or (corners >= np.array(slide_size)).any():
            raise ConfigError(f"{path} has tiles outside of {slide}, {slide_size[0]} x {slide_size[1]} px")
        raster = average(percentiles(values), place(corners.astype(np.int32), side, slide_size, size), size)
        found[name] = overlay(ground, raster, 1.0, signed=False)
    return found


def _read(path: Path, target: str, measure: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import pandas as pd

    try:
        table = pd.read_csv(path)
    except TABLE_DAMAGE as error:
        raise InputError(f"{path} cannot be read as a score table: {str(error)[:200]}") from error
    ending = f"_{target}"
    columns = [str(name) for name in table.columns if str(name).endswith(ending)]
    wanted = f"{measure}{ending}" if measure else next(iter(columns), "")
    if any(name not in table.columns for name in _PLACE) or wanted not in columns or table.empty:
        there = ", ".join(columns) or "none"
        what = wanted or f"…{ending}"
        raise ConfigError(
            f"{path} is no score table with {', '.join(_PLACE)} and {what}; of this target it has {there}"
        )
    numbers = table[[*_PLACE, wanted]].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    if not np.isfinite(numbers).all():
        raise ConfigError(f"{path} has a cell in {', '.join([*_PLACE, wanted])} that is no number")
    return numbers[:, :4], numbers[:, 4]
