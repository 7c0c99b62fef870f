"""Locked thresholds and calibration of a model, from the folder that ``wsi-swarm evaluate --out`` wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heatmaps.methods.relevance import class_label
from heatmaps.report.numbers import Numbers
from pipelines.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from heatmaps.methods.relevance import Relevance
    from heatmaps.report.words import Words


_SENSITIVITY = 0.95


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation says of one target.

    Attributes
    ----------
    target, positive : str
    n_pos, n_neg : int
        Patients.
    points : list of dict
        Operating points locked on a calibration set; empty where there is a reason instead.
    why_no_points : str
    calibration : dict
        ``slope`` and ``intercept``, each with ``value`` or ``reason``; or ``reason``.
    proven : bool
        Whether the record of the predictions names this very model.
    """

    target: str
    positive: str
    n_pos: int
    n_neg: int
    points: list[dict[str, Any]]
    why_no_points: str
    calibration: dict[str, Any]
    proven: bool

    @property
    def label(self) -> str:
        """The positive class in words that say which target it belongs to."""
        return class_label(self.target, self.positive)


def read_evaluation(folder: Path, model_sha256: str, targets: Sequence[tuple[str, str]]) -> list[Evaluated]:
    """Return the evaluation of each target (name, positive label).

    Raises
    ------
    InputError
        If the folder is no evaluation, says nothing of a target, or evaluates another model.
    """
    entries, provenance = (_read(folder / name) for name in ("metrics.json", "provenance.json"))
    try:
        makers = {one["predictions"]: (one["model"] or {}).get("sha256") for one in provenance["models"]}
        return [_of_target(folder, entries, makers, model_sha256, *target) for target in targets]
    except (KeyError, TypeError, AttributeError) as error:
        msg = f"{folder} is no evaluation of this software's ({error!r}); name a folder of 'wsi-swarm evaluate --out'"
        raise InputError(msg) from error


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{path} can't be read ({error}); give --evaluation a folder that 'wsi-swarm evaluate --out' wrote"
        raise InputError(msg) from error


def _of_target(
    folder: Path, entries: list[dict[str, Any]], makers: dict[str, str | None], sha256: str, name: str, positive: str
) -> Evaluated:
    found = [one for one in entries if one["target"] == name]
    if not found:
        msg = f"{folder} does not evaluate the target {name}; evaluate it, too, or leave it out with --target"
        raise InputError(msg)
    own = [one for one in found if makers.get(one["predictions"]) == sha256]
    unknown = [one for one in found if makers.get(one["predictions"]) is None]
    if not own and len(unknown) != 1:
        msg = (
            f"{folder} evaluates other models than this one (SHA-256 {sha256[:12]}…); evaluate this model's predictions"
        )
        raise InputError(msg)
    entry = (own or unknown)[0]
    if entry["positive"] != positive:
        found_label = entry["positive"]
        msg = f"{folder} counts {found_label} as positive for {name}, the model {positive}; evaluate with --positive"
        raise InputError(msg)
    points, calibration = entry["operating_points"], entry["calibration"]
    return Evaluated(
        target=name,
        positive=positive,
        n_pos=entry["n_pos"],
        n_neg=entry["n_neg"],
        points=points if isinstance(points, list) else [],
        why_no_points="" if isinstance(points, list) else points["reason"],
        calibration=calibration,
        proven=bool(own),
    )


def main_point(found: Evaluated) -> dict[str, Any] | None:
    """Return the locked threshold that stands first: that for 95 % sensitivity, or the first there is."""
    points = [point["locked"] for point in found.points]
    return next((point for point in points if point["wanted"] == _SENSITIVITY), points[0] if points else None)


def evaluation_part(w: Words, found: Evaluated, one: Relevance | None = None) -> dict[str, Any]:
    """Return what a page says of one target's thresholds; with the call of a slide where its scores are given."""
    numbers = Numbers(w)
    label = found.label
    calibration, slope = found.calibration, found.calibration.get("slope", found.calibration)
    reason = slope.get("reason") or calibration.get("intercept", {}).get("reason")
    sentence = w("evaluation.no_slope", reason=reason)
    if not reason:
        sentence = w(
            "evaluation.slope",
            slope=_interval(w, slope, numbers.fixed),
            intercept=_interval(w, calibration["intercept"], numbers.fixed),
        )
    return {
        "label": label,
        "intro": w(
            "evaluation.intro",
            patients=numbers.count(found.n_pos + found.n_neg),
            positives=numbers.count(found.n_pos),
            negatives=numbers.count(found.n_neg),
            label=label,
        ),
        "rows": [_row(w, numbers, point, label, one) for point in found.points],
        "no_points": w("evaluation.no_points", label=label, reason=found.why_no_points),
        "calibration": sentence,
        "proof": w("evaluation.same_model" if found.proven else "evaluation.unknown_model"),
    }


def _row(w: Words, numbers: Numbers, point: dict[str, Any], label: str, one: Relevance | None) -> dict[str, Any]:
    locked = point["locked"]
    called = one is not None and one.probability >= locked["threshold"]
    return {
        "wanted": w("evaluation.wanted_value", percent=f"{100 * locked['wanted']:g} %"),
        "threshold": numbers.short(locked["threshold"], 4),
        "rates": [_interval(w, point[name], numbers.percent) for name in ("sensitivity", "specificity", "npv")],
        "call": w("evaluation.call_positive" if called else "evaluation.call_negative", label=label) if one else "",
        "tone": "for" if called else "against",
    }


def _interval(w: Words, value: dict[str, Any], write: Any) -> str:
    if "reason" in value:
        return w("evaluation.absent", reason=value["reason"])
    low, high = (write(value[end]) if value[end] is not None else "?" for end in ("low", "high"))
    return w("evaluation.interval", value=write(value["value"]), low=low, high=high)
