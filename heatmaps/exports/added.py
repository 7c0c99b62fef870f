"""Exports of a finished heatmap: those that are there stay, those that are asked for come to them."""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from heatmaps.exports import EXPORTERS
from pipelines.files import write_bytes, write_json
from pipelines.progress import progress, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from heatmaps.slide.explained import ExplainedSlide

Exports = dict[str, dict[str, str]]
"""By export's name: SHA-256 by file."""


def earlier_exports(folder: Path, sidecar: str, key: str) -> Exports:
    """Return the exports that belong to this key and are whole; remove all others.

    What another model made must not lie beside this one's heatmap, where it would be taken for it.
    """
    kept: Exports = {}
    facts = _read(folder / sidecar)
    for name, files in facts.get("exports", {}).items():
        if facts.get("key") == key and all(_sha256(folder / file) == digest for file, digest in files.items()):
            kept[name] = files
            continue
        why = "was changed after it was written" if facts.get("key") == key else "belongs to another heatmap"
        say(f"the export {name} in {folder} {why} and is removed; --export {name} makes it anew")
        for file in files:
            path = folder / file
            if path.resolve().is_relative_to(folder.resolve()):
                path.unlink(missing_ok=True)
    return kept


def add_exports(
    explained: ExplainedSlide | None,
    folder: Path,
    sidecar: str,
    earlier: Exports,
    wanted: Sequence[str],
    names: Sequence[str],
    quiet: bool = False,
) -> dict[str, Any]:
    """Write the wanted exports that are not there yet, and state all in the sidecar.

    Parameters
    ----------
    explained : ExplainedSlide, optional
        Needed where an export that is wanted is not there.
    folder : Path
        Of the slide; its sidecar is written already.
    sidecar : str
        Its name.
    earlier : Exports
        From ``earlier_exports``, asked for before the sidecar was written.
    wanted : sequence of str
        Names of ``EXPORTERS``.
    names : sequence of str
        Each target as part of a file name.
    quiet : bool
        Whether no progress is shown.

    Returns
    -------
    dict
        What the sidecar says now; ``exports`` is there if there are any.
    """
    exports = dict(earlier)
    missing = [name for name in dict.fromkeys(wanted) if name not in exports]
    if missing:
        if explained is None:
            raise ValueError(f"{', '.join(missing)} can't be made without the explained slide")
        what, count = f"exports of {explained.slide.id}", len(missing) * len(names)
        shows = nullcontext() if quiet else progress(count, what, "file")
        with shows as bar:
            for name in missing:
                exports[name] = {}
                for index, target in enumerate(names):
                    exports[name] |= _write(explained, folder, name, index, target)
                    if bar is not None:
                        bar.update()
    facts = _read(folder / sidecar)
    if facts.get("exports", {}) != exports:
        facts |= {"exports": exports}
        write_json(folder / sidecar, facts)
    return facts


def _write(explained: ExplainedSlide, folder: Path, name: str, index: int, target: str) -> dict[str, str]:
    hashes = {}
    for file, data in EXPORTERS[name](explained, index, target):
        # Hundreds of small files are not synced one by one; one that a power cut tore is found by its hash.
        write_bytes(folder / file, data, durable="/" not in file)
        hashes[file] = hashlib.sha256(data).hexdigest()
    return hashes


def _read(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _sha256(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
