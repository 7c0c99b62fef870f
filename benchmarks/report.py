"""Tables that benchmarks put into documents: nobody types a number."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def machine() -> str:
    """Say where and when: cores, memory, load, software."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    now = datetime.datetime.now(datetime.UTC)
    return (
        f"{now:%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, "
        f"commit {commit.stdout.strip()}, load average when written {os.getloadavg()[1]:.1f}"
    )


def markdown(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a table; columns that no row fills are left out."""
    used = {key: title for key, title in columns.items() if any(row.get(key) not in (None, "") for row in rows)}
    lines = ["| " + " | ".join(title or "note" for title in used.values()) + " |", "|" + "---|" * len(used)]
    lines += ["| " + " | ".join(str(row.get(key, "")) for key in used) + " |" for row in rows]
    return "\n".join(lines)


def write_section(document: Path, name: str, text: str) -> None:
    """Replace what stands between the two comments ``name`` of a document.

    Raises
    ------
    ValueError
        If the document has no such section.
    """
    first, last = f"<!-- {name}: written by benchmarks -->", f"<!-- {name}: end -->"
    told = document.read_text(encoding="utf-8")
    if told.count(first) != 1 or told.count(last) != 1:
        msg = f"{document} has no section between '{first}' and '{last}'"
        raise ValueError(msg)
    before, _, rest = told.partition(first)
    after = rest.partition(last)[2]
    document.write_text(f"{before}{first}\n{text}\n{last}{after}", encoding="utf-8")
