"""Tiles for QuPath: tile objects with measurements, classified by how strongly they speak for or against."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from heatmaps.drawing.colours import AGAINST_RGB, FOR_RGB, HIGH_RGB, STRONG_FROM, WEAK_FROM
from pipelines.geojson import classification, feature, square

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heatmaps.methods.relevance import Relevance
    from pipelines.features import Features


def qupath_tiles(
    features: Features,
    scores: Sequence[Relevance],
    shown: Relevance,
    clip: float,
    model_sha256: str,
    unsigned: str = "",
) -> list[dict[str, Any]]:
    """Return one QuPath tile object per tile, for ``pipelines.geojson.write_geojson``.

    Parameters
    ----------
    features : Features
        N tiles.
    scores : sequence of Relevance
        Become measurements, for QuPath's measurement maps.
    shown : Relevance
        The target that the classification, and so the colour at first sight, stands for.
    clip : float
        End of that target's colour scale.
    model_sha256 : str
        Becomes part of each object's id: the same tile of the same model and target has the same id in every run.
    unsigned : str
        What the numbers are where they have no sign, such as "attention"; they are then not called evidence.
    """
    kind = partial(_level, name=unsigned) if unsigned else _kind
    columns = [(f"{one.label} {m.words}", m.values.tolist()) for one in scores for m in one.measures]
    return [
        feature(
            f"{features.slide_id}/heatmap/{model_sha256}/{shown.target}/{index}",
            "tile",
            [square(x, y, features.tile_px_level0)],
            name=f"tile {index}",
            kind=kind(float(shown.values[index]), clip, shown.label),
            measurements={name: values[index] for name, values in columns},
        )
        for index, (x, y) in enumerate(features.coords.tolist())
    ]


def _kind(value: float, clip: float, label: str) -> dict[str, Any] | None:
    if abs(value) < WEAK_FROM * clip:
        return None
    side, rgb = ("for", FOR_RGB) if value > 0 else ("against", AGAINST_RGB)
    if abs(value) >= STRONG_FROM * clip:
        return classification(f"Strong evidence {side} {label}", rgb)
    paler = [round(channel + (255 - channel) * 0.5) for channel in rgb]
    return classification(f"Evidence {side} {label}", paler)


def _level(value: float, clip: float, label: str, name: str) -> dict[str, Any] | None:
    if value < WEAK_FROM * clip:
        return None
    if value >= STRONG_FROM * clip:
        return classification(f"High {name}, {label}", HIGH_RGB)
    return classification(f"Some {name}, {label}", [round(channel + (255 - channel) * 0.5) for channel in HIGH_RGB])
