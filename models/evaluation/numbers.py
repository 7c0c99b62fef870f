"""An evaluation as JSON values, and every one of its numbers as a row."""

from __future__ import annotations

from dataclasses import asdict, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from models.evaluation.estimates import Absent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.evaluation.evaluate import Assessment, Evaluation

_NAMES = ("name", "column", "second", "wanted", "threshold")
"""Fields that name an entry of a list, in the order of choice."""


def to_json(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return one entry per prediction table and target; what could not be given is null or has a ``reason``."""
    return [_entry(evaluation, a) for a in evaluation.assessments]


def rows(entries: list[dict[str, Any]]) -> Iterator[tuple[str, str, str, Any]]:
    """Yield predictions, target, number's name and value: every number, and every sentence in place of one."""
    for entry in entries:
        for name, value in _flat("", {k: v for k, v in entry.items() if k not in {"predictions", "target"}}):
            yield entry["predictions"], entry["target"], name, value


def _entry(evaluation: Evaluation, a: Assessment) -> dict[str, Any]:
    scored, flow, d = a.scored, a.scored.flow, a.discrimination
    comparisons = evaluation.comparisons.get(scored.target.name, ())
    own = comparisons if isinstance(comparisons, Absent) else [c for c in comparisons if c.first == scored.name]
    return {
        "predictions": scored.name,
        "target": scored.target.name,
        "positive": scored.target.positive,
        "negative": list(scored.target.negative),
        "reason": d.reason if isinstance(d, Absent) else None,
        "n_pos": flow.analysed_pos,
        "n_neg": flow.analysed_neg,
        "n_unlabelled": flow.predicted_without_label + flow.predicted_unknown,
        "n_unpredicted": flow.unpredicted,
        "flow": {k: v for k, v in asdict(flow).items() if k != "labels"},
        "labels": [{"name": text, "counted_as": side, "patients": count} for text, side, count in flow.labels],
        "auroc": None if isinstance(d, Absent) else asdict(d.auroc),
        "auroc_delong": None if isinstance(d, Absent) else plain(d.delong),
        "auroc_bootstrap": None if isinstance(d, Absent) else plain(d.bootstrapped),
        "auroc_if_missing": None if a.bounds is None else {"worst": a.bounds[0], "best": a.bounds[1]},
        "auprc": None if isinstance(d, Absent) else plain(d.auprc),
        "prevalence": None if isinstance(d, Absent) else plain(d.prevalence),
        "operating_points": plain(a.points),
        "calibration": plain(a.calibration),
        "decision_curve": plain(a.curve),
        "centres": plain(a.centres),
        "subgroups": plain(a.subgroups),
        "comparisons": plain(own),
        "seed": evaluation.request.seed,
    }


def plain(value: Any) -> Any:
    """Return dataclasses as dictionaries and tuples as lists, however deep."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return value


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else key, inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _flat(f"{prefix}[{_name_of(inner, index)}]", inner)
    else:
        yield prefix, value


def _name_of(entry: Any, index: int) -> str:
    if not isinstance(entry, dict):
        return str(index)
    for inner in (entry, entry.get("group"), entry.get("locked")):
        for key in _NAMES if isinstance(inner, dict) else ():
            if key in inner:
                return str(inner[key])
    return str(index)
