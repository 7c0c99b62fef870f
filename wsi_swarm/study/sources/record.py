"""What is kept beside a cohort: the settings it was made with, and who was left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelines.files import write_json
from wsi_swarm.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wsi_swarm.study.sources.options import Options, Place

RECORD = "source.json"


def left_out(work: Path) -> tuple[str, ...]:
    """Return one sentence for each group of patients that the cohort in this folder is without, with their number."""
    return tuple(read_record(work).get("left_out", ()))


def read_record(work: Path) -> dict[str, Any]:
    """Return what is known of the cohort in a folder; empty where there is none.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    path = work / RECORD
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        msg = f"{path} is damaged ({error}); delete {work}, and the cohort is made again"
        raise InputError(msg) from error


def claim(place: Place, kind: str, options: Options) -> bool:
    """Take a cohort's folder for these settings, and tell whether what they make lies there whole.

    Raises
    ------
    ConfigError
        If the folder holds a cohort of other settings.
    """
    settings = _settings(place, kind, options)
    record = read_record(place.work)
    kept = record.get("settings", settings)
    if kept != settings:
        names = [name for name in {**kept, **settings} if kept.get(name) != settings.get(name)]
        differ = ", ".join(f"{name} {_shown(kept, name)} there, {_shown(settings, name)} asked for" for name in names)
        msg = f"{place.work} holds a cohort of other settings ({differ}); delete it, or give another --out"
        raise ConfigError(msg)
    if not record:
        write_json(place.work / RECORD, {"settings": settings, "whole": False, "left_out": []})
    return bool(record.get("whole", False))


def finish(place: Place, kind: str, options: Options, left_out: Sequence[str] = ()) -> None:
    """Write that the cohort is whole, and who is not in it."""
    record = {"settings": _settings(place, kind, options), "whole": True, "left_out": list(left_out)}
    write_json(place.work / RECORD, record)


def _settings(place: Place, kind: str, options: Options) -> dict[str, Any]:
    return {"kind": kind, "name": place.name, "seed": place.seed, **options.model_dump(mode="json")}


def _shown(settings: dict[str, Any], name: str) -> str:
    return json.dumps(settings[name]) if name in settings else "nothing"
