"""What a run would do with each slide, and why."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """What would become of one slide.

    Attributes
    ----------
    slide_id : str.
    does : whether work would be done on it.
    why : "new", "parameters changed", "slide changed", "failed before", "output missing", "interrupted", "forced",
        "done", "busy", "not failed", "not tiled" or "tiles unfit".
    detail : which parameters, which output, which reason, who works on it.
    """

    slide_id: str
    does: bool
    why: str
    detail: str = ""


def judge(slide_id: str, recorded: Mapping[str, Any], parameters: Mapping[str, Any], outputs: Sequence[Path]) -> Plan:
    """Compare what is recorded of a stage with what is asked for."""
    if not recorded:
        return Plan(slide_id, True, "new")
    status = recorded.get("status")
    if status == "failed":
        return Plan(slide_id, True, "failed before", str(recorded.get("reason", "")))
    if status != "done":
        return Plan(slide_id, True, "interrupted", "a run ended before this slide did")
    # Through JSON, as what is recorded was: a tuple comes back as a list.
    changed = _changes(recorded.get("parameters", {}), json.loads(json.dumps(parameters)))
    if "slide" in {name.partition(".")[0] for name in changed}:
        return Plan(slide_id, True, "slide changed", "the slide file is not the one that was worked on")
    if changed:
        return Plan(slide_id, True, "parameters changed", ", ".join(changed))
    missing = [path for path in outputs if not path.is_file()]
    if missing:
        return Plan(slide_id, True, "output missing", ", ".join(map(str, missing)))
    return Plan(slide_id, False, "done")


def _changes(old: Any, new: Any, name: str = "") -> list[str]:
    if old == new:
        return []
    if not isinstance(old, dict) or not isinstance(new, dict):
        return [name]
    inner = [_changes(old.get(key), new.get(key), f"{name}.{key}" if name else key) for key in sorted({*old, *new})]
    return [change for changes in inner for change in changes]


def plan_table(plans: Sequence[Plan]) -> str:
    """Return the plans for a person: one line, then a table."""
    counted = Counter(plan.why for plan in plans)
    todo = sum(plan.does for plan in plans)
    head = f"{todo} of {len(plans)} slides would be done ({', '.join(f'{n} {why}' for why, n in counted.items())})"
    rows = [f"| {plan.slide_id} | {'yes' if plan.does else 'no'} | {plan.why} | {plan.detail} |" for plan in plans]
    return "\n".join([head, "", "| slide | would be done | why | detail |", "|---|---|---|---|", *rows])
