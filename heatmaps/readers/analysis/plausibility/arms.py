"""Each arm of a plausibility study: how many of its tiles show a feature, and how strongly they support the class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.analysis.clustered import mean_over_cases
from heatmaps.readers.analysis.figures.kinds import Forest, Matrix, Stacked
from heatmaps.readers.analysis.found import Said, Section, Sheet, columns
from heatmaps.readers.analysis.plausibility.tiles import STEPS, any_counted, first_showings
from heatmaps.readers.analysis.terms import Word
from heatmaps.readers.statistics.measures import Absent

if TYPE_CHECKING:
    import pandas as pd

    from heatmaps.readers.analysis.found import Cell
    from heatmaps.readers.analysis.plausibility.tiles import Tiles
    from heatmaps.readers.analysis.terms import Unit
    from heatmaps.readers.statistics.measures import Measure

_ARM = columns("arm", "kind", "tiles:count", "patients:count", "answers:count", "any_feature:share", "mean:mean")


def arms_section(tiles: Tiles, seed: int) -> tuple[Section, tuple[Said, ...]]:
    """Return the arms with their shares and means, and the sentences that sum them up."""
    anything, scale = first_showings(any_counted(tiles)), first_showings(tiles.scale).dropna(subset="rating")
    shares: dict[str, Measure | Absent] = {}
    means: dict[str, Measure | Absent] = {}
    rows: list[tuple[Cell, ...]] = []
    for arm in tiles.arms:
        shares[arm] = (
            mean_over_cases("at least one feature", anything[anything["arm"] == arm], seed)
            if tiles.counted
            else Absent("no option of the study counts as a feature of the class; name them with --features")
        )
        means[arm] = mean_over_cases(tiles.scale_name, scale[scale["arm"] == arm], seed)
        own = first_showings(tiles.ticks if len(tiles.ticks) else tiles.scale)
        own = own[own["arm"] == arm]
        answers = len(own.drop_duplicates(["reader", "item"]))
        kind = Word("control" if arm in tiles.controls else "study")
        rows.append((arm, kind, own["item"].nunique(), own["case"].nunique(), answers, shares[arm], means[arm]))
    findings = tuple(_told(arm, shares[arm] if tiles.counted else None, means[arm]) for arm in tiles.arms)
    figures = (
        Forest("any_by_arm", tuple((arm, shares[arm], False) for arm in tiles.arms), "share", None, (0.0, 1.0)),
        Forest("mean_by_arm", tuple((arm, means[arm], False) for arm in tiles.arms), "mean", None, (1.0, 5.0)),
        Stacked(
            "scale_by_arm",
            tuple(map(str, STEPS)),
            tuple((arm, _counts(scale.loc[scale["arm"] == arm, "rating"])) for arm in tiles.arms),
            ordered=True,
        ),
        _matrix(tiles),
    )
    sheets = (Sheet("arms", _ARM, tuple(rows)), _distribution(tiles), _features(tiles, seed))
    counted = Said("counted", {"features": (", ".join(tiles.counted) or "–", "text")})
    joint = (Said("joint_tiles", {"count": (tiles.joint, "count")}),) if tiles.joint else ()
    return Section("arms", (counted, *joint), figures, sheets), findings


def _told(arm: str, share: Measure | Absent | None, mean: Measure | Absent) -> Said:
    """Say what is known of an arm; where one of the two was not asked, the other alone."""
    values: dict[str, tuple[Cell, Unit]] = {"arm": (arm, "text"), "share": (share, "share"), "mean": (mean, "mean")}
    if isinstance(mean, Absent) and share is not None:
        return Said("arm_share", {name: values[name] for name in ("arm", "share")})
    return Said("arm_mean", {n: values[n] for n in ("arm", "mean")}) if share is None else Said("arm_finding", values)


def _distribution(tiles: Tiles) -> Sheet:
    scale = first_showings(tiles.scale)
    rows = []
    for arm in tiles.arms:
        ratings = scale.loc[scale["arm"] == arm, "rating"]
        rows.append((arm, *_counts(ratings), int(ratings.isna().sum())))
    heads = columns("arm", *(f"answers_{n}:count" for n in STEPS), "cannot_judge:count")
    return Sheet("scale_by_arm", heads, tuple(rows))


def _counts(ratings: pd.Series) -> tuple[int, ...]:
    return tuple(int((ratings == step).sum()) for step in STEPS)


def _matrix(tiles: Tiles) -> Matrix:
    shares = first_showings(tiles.ticks).groupby(["question", "arm"])["rating"].mean()
    cells = tuple(tuple(shares.get((feature, arm)) for arm in tiles.arms) for feature in tiles.features)
    return Matrix("features_by_arm", tiles.features, tiles.arms, cells)


def _features(tiles: Tiles, seed: int) -> Sheet:
    ticks = first_showings(tiles.ticks)
    rows: list[tuple[Cell, ...]] = []
    for feature in tiles.features:
        counts = Word("yes" if feature in tiles.counted else "no")
        for arm in tiles.arms:
            own = ticks[(ticks["question"] == feature) & (ticks["arm"] == arm)]
            rows.append((feature, counts, arm, int(own["rating"].sum()), len(own), mean_over_cases(feature, own, seed)))
    heads = columns("feature", "counts", "arm", "ticked:count", "answers:count", "share:share")
    return Sheet("features_by_arm", heads, tuple(rows))
