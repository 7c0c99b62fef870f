"""Reading back what jobs write about themselves: what is not as it was written counts as nothing done."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STATE_FORMAT = "wsi-swarm state 1"
_STAGE = {"status": str, "attempts": int, "time": int | float, "parameters": dict, "parameters_sha256": str}
_OUTCOME = {"slide_id": str, "status": str, "reason": str, "counts": dict}


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; empty where it is missing, damaged or no object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def read_state(path: Path, slide_id: str) -> dict[str, Any]:
    """Return the state of a slide with those stages that are whole."""
    state = read_json(path)
    stages = state.get("stages")
    if state.get("format") != STATE_FORMAT or not isinstance(stages, dict):
        return {"format": STATE_FORMAT, "slide": slide_id, "stages": {}}
    return {**state, "stages": {name: stage for name, stage in stages.items() if is_stage(stage)}}


def is_stage(value: Any) -> bool:
    """Return whether a value is what a claim records of a stage."""
    if not _has(value, _STAGE) or not math.isfinite(value["time"]):
        return False
    if value["status"] == "done":
        return value.get("counts") == {} or are_counts(value.get("counts"))
    return value["status"] != "failed" or isinstance(value.get("reason"), str)


def is_outcome(value: Any) -> bool:
    """Return whether a value is what a summary holds of a slide."""
    return _has(value, _OUTCOME) and (not value["counts"] or are_counts(value["counts"]))


def outcomes_of(run: Any) -> list[dict[str, Any]]:
    """Return the slides of one run of a summary, as far as they are whole."""
    slides = run.get("slides") if isinstance(run, dict) else None
    return [slide for slide in slides if is_outcome(slide)] if isinstance(slides, list) else []


def are_counts(value: Any) -> bool:
    """Return whether a value is the numbers of tiles that were kept and dropped."""
    if not isinstance(value, dict) or not isinstance(value.get("tiles"), int):
        return False
    dropped = value.get("dropped")
    return isinstance(dropped, dict) and all(isinstance(number, int) for number in dropped.values())


def _has(value: Any, kinds: Mapping[str, Any]) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), kind) for name, kind in kinds.items())
