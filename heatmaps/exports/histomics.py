"""HistomicsUI and large_image: an annotation of one griddata element."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from heatmaps.drawing.colours import colour

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heatmaps.slide.explained import ExplainedSlide

_STEPS = 9


def export(explained: ExplainedSlide, index: int, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield ``histomics-<name>.json``.

    Values stand at the centres of the tile grid, in level-0 px. The format knows no missing number: where no tile lies
    the value is 0, which HistomicsUI leaves transparent.
    """
    one, clip, signed = explained.scores[index], explained.scales[index].clip, explained.method.signed
    values, grid = explained.on_grid(one), explained.grid
    knots = np.linspace(-clip if signed else 0.0, clip, _STEPS)
    colours = [f"rgb({r}, {g}, {b})" for r, g, b in colour(knots, clip, signed).tolist()]
    element = {
        "type": "griddata",
        # A choropleth would be truer to tiles, but HistomicsUI draws contours and heatmaps alone.
        "interpretation": "contour",
        "gridWidth": values.shape[1],
        "origin": [grid.origin[0] + grid.step / 2, grid.origin[1] + grid.step / 2, 0],
        "dx": grid.step,
        "dy": grid.step,
        "colorRange": colours,
        "rangeValues": knots.tolist(),
        "normalizeRange": False,
        "minColor": colours[0],
        "maxColor": colours[-1],
        "values": [float(f"{value:.6g}") for value in np.nan_to_num(values).ravel()],
    }
    document = {
        "name": f"{one.label}: {explained.method.title}",
        "description": f"{explained.method.unit}; 0 also where no tile lies. Research use only.",
        "attributes": {
            "software": "wsi-swarm",
            "model_sha256": explained.model.sha256,
            "probability": one.probability,
            "clip": clip,
            "unit": explained.method.unit,
        },
        "elements": [element],
    }
    yield f"histomics-{name}.json", (json.dumps(document, allow_nan=False) + "\n").encode()
