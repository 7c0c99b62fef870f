"""An evaluation as JSON values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from heatmaps.evaluation.results import MEASURES

if TYPE_CHECKING:
    from heatmaps.evaluation.intervals import Mean
    from heatmaps.evaluation.results import Evaluation


def as_json(found: Evaluation) -> dict[str, Any]:
    """Return the evaluation as JSON values; what could not be told is null."""
    plan = found.plan
    summary = {name: {measure: _plain(found.mean(name, measure)) for measure in MEASURES} for name in found.names}
    curves = {
        name: {which: found.curve(name, which).tolist() for which in ("most_first", "least_first")}
        for name in found.names
    }
    slides = [
        {
            "slide": one.slide,
            "patient": one.patient,
            "tiles": one.tiles,
            "probability": one.probability,
            "explained": one.explained,
            "methods": {
                name: {k: None if math.isnan(v) else v for k, v in n.items()} for name, n in one.numbers.items()
            },
        }
        for one in found.slides
    ]
    return {
        "format": "wsi-swarm heatmap evaluation 1",
        "target": plan.target,
        "model_sha256": found.model_sha256,
        "other_models_sha256": [other.sha256 for other in plan.others],
        "seed": plan.seed,
        "redraws": plan.redraws,
        "intervals_over": "patients" if plan.by_patient else "slides",
        "methods": {method.name: {"title": method.title, "settings": method.parameters()} for method in plan.methods},
        "slides_evaluated": len(found.slides),
        "slides_wrongly_classified": found.wrong,
        "slides_annotated": found.annotated,
        "summary": summary,
        "mean_curves": curves,
        "slides": slides,
    }


def _plain(mean: Mean | None) -> dict[str, Any] | None:
    return None if mean is None else {"mean": mean.value, "low": mean.low, "high": mean.high, "slides": mean.slides}
