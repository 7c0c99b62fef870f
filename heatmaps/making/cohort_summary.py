"""What a run over many slides did, for people and for programs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heatmaps.making.cohort_slides import Outcome


def summary_tsv(outcomes: Sequence[Outcome]) -> str:
    """Return a row per slide and model: what became of it, its probabilities, its folder."""
    named = list(dict.fromkeys(name for one in outcomes for name in one.probabilities))
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(["slide", "patient", "model", "state", "tiles", *named, "folder", "reason"])
    for one in outcomes:
        probabilities = one.probabilities
        numbers = [repr(probabilities[name]) if name in probabilities else "" for name in named]
        tiles = "" if one.tiles is None else one.tiles
        writer.writerow(
            [one.slide.name, one.slide.patient, one.model, one.state, tiles, *numbers, one.folder or "", one.reason]
        )
    return text.getvalue()


def summary_document(outcomes: Sequence[Outcome], method: str) -> dict[str, Any]:
    """Return the same for programs."""
    rows = []
    for one in outcomes:
        row: dict[str, Any] = {"slide": one.slide.name, "patient": one.slide.patient, "model": one.model}
        row |= {"state": one.state, "reason": one.reason}
        if one.folder is not None:
            row |= {"tiles": one.tiles, "targets": one.sidecar["targets"], "folder": str(one.folder)}
        rows.append(row)
    return {"format": "wsi-swarm heatmaps 1", "method": method, "slides": rows}
