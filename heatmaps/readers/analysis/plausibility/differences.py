"""Arms of a plausibility study against each other, controls last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.analysis.clustered import differences, for_other_readers
from heatmaps.readers.analysis.figures.kinds import Forest
from heatmaps.readers.analysis.found import Said, Section, Sheet, columns
from heatmaps.readers.analysis.plausibility.tiles import any_counted, first_showings
from heatmaps.readers.statistics.arms import holm

if TYPE_CHECKING:
    import pandas as pd

    from heatmaps.readers.analysis.found import Cell
    from heatmaps.readers.analysis.plausibility.tiles import Tiles
    from heatmaps.readers.analysis.terms import Unit
    from heatmaps.readers.statistics.arms import ArmDifference


def differences_section(tiles: Tiles, seed: int) -> tuple[Section, tuple[Said, ...]]:
    """Return every pair of arms on both outcomes, each feature's differences, and the sentences that sum them up.

    Holm's correction is for all pairs of one outcome, and for all rows of the table of features.
    """
    if len(tiles.arms) < 2:
        return Section("differences", (Said("one_arm", caution=True),)), ()
    outcomes: list[tuple[str, pd.DataFrame, Unit]] = []
    if tiles.counted:
        outcomes.append(("any_feature", first_showings(any_counted(tiles)), "points"))
    if tiles.scale_name:
        outcomes.append(("mean", first_showings(tiles.scale).dropna(subset="rating"), "steps"))
    sheets, figures = [], []
    told: dict[tuple[str, str], dict[str, tuple[Cell, Unit]]] = {}
    for outcome, rows, unit in outcomes:
        found = differences(rows, _there(tiles, rows), seed)
        name = f"differences_{outcome}"
        other = f"difference_other_readers:{unit}"
        heads = columns("first", "second", f"difference_these_readers:{unit}", "p:p", "p_holm:p", other)
        cells = [(*pair(d), for_other_readers(rows, d.first, d.second, seed)[0]) for d in found]
        sheets.append(Sheet(name, heads, tuple(cells)))
        figures.append(Forest(name, tuple((f"{d.first} − {d.second}", d.difference, False) for d in found), unit, 0.0))
        against = [d for d in found if d.second in tiles.controls and d.first not in tiles.controls]
        for d in against or found:
            p = d.test if d.p_holm is None else d.p_holm
            told.setdefault((d.first, d.second), {}).update({outcome: (d.difference, unit), f"p_{outcome}": (p, "p")})
    sheets.append(_feature_differences(tiles, seed))
    kind = "_and_".join(outcome for outcome, _, _ in outcomes)
    findings = tuple(
        Said(f"difference_{kind}", {"first": (first, "text"), "second": (second, "text"), **values})
        for (first, second), values in told.items()
        if len(values) == 2 * len(outcomes)
    )
    return Section("differences", (), tuple(figures), tuple(sheets)), findings


def pair(d: ArmDifference) -> tuple[Cell, ...]:
    """Return the cells of a comparison: both names, difference, p, corrected p."""
    return d.first, d.second, d.difference, d.test, d.test if d.p_holm is None else d.p_holm


def _there(tiles: Tiles, rows: pd.DataFrame) -> list[str]:
    return [arm for arm in tiles.arms if (rows["arm"] == arm).any()]


def _feature_differences(tiles: Tiles, seed: int) -> Sheet:
    ticks = first_showings(tiles.ticks)
    found: list[tuple[str, ArmDifference]] = []
    for feature in tiles.features:
        own = ticks[ticks["question"] == feature]
        found += [(feature, d) for d in differences(own, _there(tiles, own), seed)]
    corrected = holm([d for _, d in found])
    rows = tuple((feature, *pair(d)) for (feature, _), d in zip(found, corrected, strict=True))
    heads = columns("feature", "first", "second", "difference_these_readers:points", "p:p", "p_holm:p")
    return Sheet("differences_features", heads, rows)
