"""Writing the tables of a cohort that is made."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from pipelines.files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table, whole or not at all."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_text(path, text.getvalue())
