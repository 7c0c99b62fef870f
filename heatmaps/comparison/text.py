"""A comparison as a table for people, as JSON values and as CSV."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heatmaps.comparison.compare import Comparison

FORMAT = "wsi-swarm heatmap comparison 1"


def table(found: Comparison) -> str:
    """Return a row per target, and below it in words where and how the two were compared."""
    first, second = found.sides
    rows = [["target", f"P, {first.name}", f"P, {second.name}", "pearson", "spearman", "top 1 %"]]
    rows += [
        [
            f"{one.first.target}_{one.first.positive}",
            f"{one.first.probability:.4f}",
            f"{one.second.probability:.4f}",
            *(f"{value:.3f}" for value in (one.pearson, one.spearman, one.top_overlap)),
        ]
        for one in found.targets
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", f"{found.method.title}; {places_words(found)}", *_legend()])


def places_words(found: Comparison) -> str:
    """Return where the two were compared, in one sentence."""
    places, first = found.places, found.sides[0].features
    count = f"{len(places.corners):,}"
    if places.same_tiles:
        return f"compared at {count} tiles that both have ({100 * places.shift.overlap:.1f} % of all tiles of the two)."
    side = f"{places.side * first.mpp:g} µm"
    x, y = places.shift.um.tolist()
    length = math.hypot(x, y)
    where = "nothing was moved"
    if places.shift.precision_um:
        where = (
            f"the second was moved by {length:,.0f} µm ({x:+,.0f} to the right, {y:+,.0f} down, known to about "
            f"{places.shift.precision_um:.0f} µm from {'the pictures' if places.shift.by_pictures else 'the tiles'})"
        )
    return (
        f"compared at {count} squares of {side} on a common grid; {where}; their areas of tissue overlap by "
        f"{100 * places.shift.overlap:.1f} %."
    )


def _legend() -> list[str]:
    return [
        "P: probability of the slide. pearson, spearman: correlation of the two heatmaps over these places, by value",
        "and by rank. top 1 %: tiles that are among the highest 1 % of both, as a share of those that are in either.",
    ]


def as_json(found: Comparison) -> dict[str, Any]:
    """Return everything but the values of the places."""
    shift = found.places.shift
    return {
        "format": FORMAT,
        "method": found.method.title,
        "unit": found.method.unit,
        "sides": [
            {
                "name": side.name,
                "slide": side.features.slide_id,
                "model_sha256": side.model.sha256,
                "encoder": side.features.encoder,
                "tiles": len(side.features.coords),
                "mpp": side.features.mpp,
            }
            for side in found.sides
        ],
        "places": {
            "count": len(found.places.corners),
            "kind": "tiles" if found.places.same_tiles else "common grid",
            "side_um": found.places.side * found.sides[0].features.mpp,
            "shift_um": shift.um.tolist(),
            "shift_length_um": math.hypot(*shift.um.tolist()),
            "shift_precision_um": shift.precision_um,
            "shift_from": ("pictures" if shift.by_pictures else "tiles") if shift.precision_um else "nothing",
            "overlap": shift.overlap,
        },
        "targets": [
            {
                "target": one.first.target,
                "positive": one.first.positive,
                "probabilities": [one.first.probability, one.second.probability],
                "logits": [one.first.logit, one.second.logit],
                "pearson": _known(one.pearson),
                "spearman": _known(one.spearman),
                "top_1_percent_jaccard": one.top_overlap,
            }
            for one in found.targets
        ],
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def places_csv(found: Comparison) -> str:
    """Return a row per place: corner and side in level-0 px of the first side, and both values of each target."""
    columns = [f"{one.first.target}_{which}" for one in found.targets for which in ("first", "second")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["x0", "y0", "side0", *columns])
    values = [side.tolist() for one in found.targets for side in one.values]
    for row, (x, y) in enumerate(found.places.corners.tolist()):
        writer.writerow([f"{x:.2f}", f"{y:.2f}", f"{found.places.side:.6g}", *(f"{one[row]:.9e}" for one in values)])
    return text.getvalue()
