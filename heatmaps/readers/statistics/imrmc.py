"""Readings as a file that the iMRMC software opens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from heatmaps.readers.statistics.crossed import Crossed

_BREAKS = re.compile(r"[,\r\n]")


def imrmc_text(study: Crossed, title: str) -> str:
    """Return the text of an ``.imrmc`` file.

    Free header lines, the line ``BEGIN DATA:``, one row ``truth,case,truth,0|1`` per case, then one row
    ``reader,case,modality,score`` per reading.

    Raises
    ------
    ConfigError
        If a name holds a comma or a line break, which the format can't quote, or a reader is called truth.
    """
    for kind, names in (("reader", study.readers), ("case", study.cases), ("modality", study.modalities)):
        for name in names:
            if _BREAKS.search(name) or not name.strip():
                msg = f"{kind} {name!r} can't stand in an .imrmc file, which has no quotes: leave out commas and breaks"
                raise ConfigError(msg)
            if name.strip().lower() == "truth":
                msg = f"a {kind} is called {name}, which means the truth in an .imrmc file; rename it"
                raise ConfigError(msg)
    header = [" ".join(title.split()).replace("BEGIN DATA:", ""), "BEGIN DATA:"]
    truths = [f"truth,{case},truth,{label}" for case, label in zip(study.cases, study.truth, strict=True)]
    readings = [
        f"{reader},{case},{modality},{float(study.scores[i, j, k])!r}"
        for i, modality in enumerate(study.modalities)
        for j, reader in enumerate(study.readers)
        for k, case in enumerate(study.cases)
    ]
    return "\n".join([*header, *truths, *readings]) + "\n"
