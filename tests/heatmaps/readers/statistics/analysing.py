"""What tests of MRMC analyses ask for again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.statistics.crossed import Crossed, areas
from heatmaps.readers.statistics.measures import Interval, Measure
from heatmaps.readers.statistics.mrmc import Mrmc, obuchowski_rockette

if TYPE_CHECKING:
    from heatmaps.readers.statistics.mrmc import Generalise


def ends(found: Measure) -> tuple[float, float]:
    assert isinstance(found.interval, Interval)
    return found.interval.low, found.interval.high


def analysed(study: Crossed, covariances: str, generalise: Generalise = "readers and cases") -> Mrmc:
    found = obuchowski_rockette(study, areas(study, covariances), generalise)  # type: ignore[arg-type]
    assert isinstance(found, Mrmc)
    return found
