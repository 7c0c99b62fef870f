"""Files of answers as the kit's page writes them, without a browser."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from heatmaps.readers.kit.key import read_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from heatmaps.readers.kit.build import Built
    from heatmaps.readers.kit.key import Key, Showing

BEGIN = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)


def stamp(seconds: float) -> str:
    return (BEGIN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def answers_of(built: Built, reader: str) -> dict[str, Any]:
    """Everything answered in order, ten seconds each: mucin for top tiles with a 4, nothing for the others with a 2."""

    def values(key: Key, one: Showing) -> dict[str, Any]:
        top = key.item(one.item).group == "model-top"
        return {"features": ["mucin"] if top else ["none"], "supports": 4 if top else 2}

    return answers_with(built, reader, values)


def answers_with(
    built: Built,
    reader: str,
    values: Callable[[Key, Showing], dict[str, Any]],
    second_session_s: float = 0.0,
) -> dict[str, Any]:
    """Everything answered in order, ten seconds each; a second session begins so many seconds after the first one."""
    key, digest = read_key(built.key)
    kit = next(kit for kit in built.made.kits if kit.reader == reader)
    answers = []
    for place, one in enumerate(key.showings[reader]):
        begin = place * 12 + (second_session_s if one.session == "2" else 0)
        answers.append(
            {
                "item": one.opaque,
                "values": values(key, one),
                "seconds": 10.5,
                "shown": stamp(begin),
                "answered": stamp(begin + 11),
                "edits": 0,
            }
        )
    return {
        "schema": "wsi-swarm-reader-answers/1",
        "sha256": "0" * 64,
        "study": key.study.name,
        "protocol": key.study.protocol,
        "reader": reader,
        "kit_sha256": kit.kit_sha256,
        "key_sha256": digest,
        "software": key.software,
        "started": stamp(0),
        "saved": stamp(5000 + second_session_s),
        "complete": True,
        "sessions": [{"opened": stamp(0), "agent": "x", "width": 1280, "height": 800, "ratio": 1}],
        "answers": answers,
    }


def write_answers(path: Path, told: dict[str, Any], change: Callable[[dict[str, Any]], None] | None = None) -> Path:
    """Seal and write a file as the page does, after a change that somebody made in the page itself."""
    if change:
        change(told)
    text = json.dumps(told | {"sha256": "0" * 64}, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest(), 1), "utf-8")
    return path
