"""The folder of a slide's heatmap: how its files are called, and whether they are whole."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

SIDECAR = "heatmap.json"


def unharmed_sidecar(folder: Path, key: str) -> dict[str, Any] | None:
    """Return the sidecar if it has this key and each output the hash that it states, else None."""
    try:
        sidecar = json.loads((folder / SIDECAR).read_text("utf-8"))
        if sidecar["key"] != key:
            return None
        for name, digest in sidecar["outputs"].items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
                return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return sidecar


def file_name(target: str) -> str:
    """Return a target's name as part of a file name: letters, digits, ``-`` and ``_`` stay."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", target).strip("-")
    # Two targets that differ in the replaced characters alone must not share a file.
    return plain if plain == target else f"{plain}-{hashlib.sha256(target.encode()).hexdigest()[:6]}".lstrip("-")
