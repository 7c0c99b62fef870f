"""Centres as they stand on a command line: a name, two tables and a folder of features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.cohort import Centre as CentreFiles
from models.cohort import load_cohort, load_merged_cohort
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.cohort import Cohort

HOW = "NAME:CLINI:SLIDES:FEATURES"


def parse_centre(text: str) -> tuple[str, CentreFiles]:
    """Read ``NAME:CLINI:SLIDES:FEATURES``.

    Raises
    ------
    ConfigError
        If a part is missing.
    """
    parts = text.split(":")
    if len(parts) != 4 or not all(parts):
        msg = f"'{text}' does not name a centre; write {HOW}, for instance north:clini.csv:slides.csv:job/features/x"
        raise ConfigError(msg)
    return parts[0], CentreFiles(*(Path(part) for part in parts[1:]))


def parse_centres(texts: Sequence[str]) -> dict[str, CentreFiles]:
    """Read several centres; each name may stand there once."""
    centres: dict[str, CentreFiles] = {}
    for text in texts:
        name, files = parse_centre(text)
        if name in centres:
            msg = f"the centre '{name}' is named twice; give each --centre a name of its own"
            raise ConfigError(msg)
        centres[name] = files
    return centres


def load_centres(
    centres: Mapping[str, CentreFiles], targets: Sequence[str], positive: Mapping[str, str]
) -> dict[str, Cohort]:
    """Load each centre by itself, with the same positive labels everywhere.

    Labels are settled on all tables together, since a centre whose few patients are all alike could not tell.
    """
    everybody = load_merged_cohort(list(centres.values()), targets, positive)
    settled = {target.name: target.positive for target in everybody.targets}
    return {
        name: load_cohort(files.clini, files.slides, files.features, targets, settled)
        for name, files in centres.items()
    }
